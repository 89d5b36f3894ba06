"""The steps, carried out on one device: in the end it runs the new generation, or the old one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.deploy.prepared import Prepared
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.answers import Health, as_line
from edgechain.deploy.workshop import Workshop, who
from edgechain.errors import CannotReach, EdgechainError, FlashFailed
from edgechain.spec.progress import Progress

HEALTH_SECONDS = 120.0
"""For a node to load its submodels and to run each once: a Pi Zero 2 W with a cold card."""

ALONE = "the device stays as it was, or runs the new generation if that is well; flash again"
"""What an agent does that nobody tells anything any more."""


@dataclass(frozen=True, slots=True)
class Flashed:
    """A device that runs what it should: the generation, and the bytes that were sent for it."""

    generation: str
    bytes: int


async def carry_out(
    prepared: Prepared,
    session: AgentSession,
    workshop: Workshop,
    report: Progress,
    health_seconds: float = HEALTH_SECONDS,
) -> Flashed:
    """Do what was shown, under the device's lock.

    Raises ``DeviceBusy`` when somebody else does, ``FlashFailed`` when the device has changed
    since it was looked at or when the new generation is not well: then the old one runs again, and
    the error has the journal's end. Before the switch nothing that runs is touched, so whatever is
    raised there, also ``CannotReach``, leaves the device as it was.
    """
    before = session.sent
    try:
        name = await _all_of_it(prepared, session, workshop, report, health_seconds)
    except CannotReach as error:
        raise CannotReach(f"{error}; {ALONE}") from error
    return Flashed(name, session.sent - before)


async def _all_of_it(
    prepared: Prepared,
    session: AgentSession,
    workshop: Workshop,
    report: Progress,
    health_seconds: float,
) -> str:
    """The steps in their order; the new generation's name."""
    await session.lock(who())
    await _require_unchanged(prepared, session)
    if prepared.state.current is not None and not prepared.steps.changes_what_runs:
        await _certify(prepared, session, workshop, report)
        return prepared.state.current
    await _send(prepared, session, report)
    report("making the environment", 0, 0)
    await session.environment(prepared.wheels, report)
    await _certify(prepared, session, workshop, report)
    report("installing", 0, 0)
    name = await session.install(prepared.listing, prepared.bundle.signature)
    await session.switch(name)
    await _start(prepared, session, name, report, health_seconds)
    await session.good(name)
    if await workshop.retire(prepared.order.name):
        await _certify(prepared, session, workshop, report)
    return name


async def _require_unchanged(prepared: Prepared, session: AgentSession) -> None:
    """Somebody else may have been there while the steps were being read."""
    then, now = prepared.state, await session.hello()
    if (now.current, now.good, now.highest) != (then.current, then.good, then.highest):
        reason = "somebody flashed it after the steps were shown; flash again to see them anew"
        raise FlashFailed(f"{session.where}: {reason}")


async def _send(prepared: Prepared, session: AgentSession, report: Progress) -> None:
    """Every blob that is not there; what is there may have changed since it was looked at."""
    bundle = prepared.bundle
    missing = await session.missing(bundle.sizes)
    whole, before = sum(bundle.sizes[sha256] for sha256 in missing), 0
    for sha256, name in prepared.names.items():
        if sha256 in missing:
            await session.put(bundle.blobs[sha256], _of_all(report, name, before, whole))
            before += bundle.sizes[sha256]


def _of_all(report: Progress, name: str, before: int, whole: int) -> Progress:
    """Of one blob to of all that are sent."""

    def of_all(what: str, done: int, size: int) -> None:
        del size
        report(f"{what} {name}", before + done, whole)

    return of_all


async def _certify(
    prepared: Prepared, session: AgentSession, workshop: Workshop, report: Progress
) -> None:
    report("certificate", 0, 0)
    name = prepared.order.name
    request = await session.identity(name, prepared.wheels)
    given = await workshop.certify(request, name)
    texts = (given.authority, given.certificate, given.revoked)
    await session.certify(*(text.decode() for text in texts))


async def _start(
    prepared: Prepared,
    session: AgentSession,
    name: str,
    report: Progress,
    seconds: float,
) -> None:
    """Start the new generation, or go back to the one before."""
    report("starting", 0, 0)
    try:
        health = await session.start(name, seconds, report)
    except CannotReach:
        raise  # the agent goes back by itself when nobody says that it is well
    except FlashFailed as error:
        health = Health(healthy=False, reason=str(error))
    if health.healthy:
        return
    report("going back", 0, 0)
    raise FlashFailed(
        f"{session.where}: the new generation is not well: {health.reason}; "
        f"{await _back(prepared, session, seconds)}",
        journal=_last(health.journal),
    )


async def _back(prepared: Prepared, session: AgentSession, seconds: float) -> str:
    """Go back, and what runs then, in words. With nothing to go back to the node is ended."""
    try:
        back = await session.rollback(None, seconds)
    except EdgechainError as error:
        if prepared.state.current is None and not isinstance(error, CannotReach):
            return "nothing ran before, and nothing runs now"
        return f"going back failed as well: {error}"
    if not back.healthy:
        return f"{back.current} is back, and not well either: {back.reason}"
    return f"{back.current} runs again"


def _last(lines: Sequence[str], most: int = 20) -> tuple[str, ...]:
    return tuple(as_line(line) for line in lines[-most:])
