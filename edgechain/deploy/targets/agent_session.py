"""An open conversation with the agent on a device: one method for each thing it can be asked."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeVar

from edgechain.deploy.blobs import Blob
from edgechain.deploy.targets.answers import (
    PROTOCOL,
    Back,
    DeviceState,
    Health,
    Lines,
    Look,
    Made,
    Missing,
    Nothing,
    Request,
    as_line,
    clean,
    read_answer,
)
from edgechain.deploy.targets.wire import Wire
from edgechain.errors import CannotReach
from edgechain.spec.progress import Progress, silent

Answer = TypeVar("Answer", DeviceState, Look, Missing, Made, Request, Nothing, Health, Back, Lines)

QUICK_SECONDS = 30.0
"""For what is only looked up: a board under load with a slow card answers in a second or two."""

WRITE_SECONDS = 120.0
"""For what is written and synced: a card may stop for tens of seconds to tidy itself up."""

ENVIRONMENT_SECONDS = 900.0
"""Without a word: unpacking numpy takes a Pi Zero 2 W a minute, on a bad card many."""


class AgentSession:
    """Asks one device's agent, one thing at a time; targets make it and end it.

    Every method raises ``CannotReach`` when the connection is lost or silent for too long,
    ``DeviceBusy``, ``InvalidBundle`` or ``FlashFailed`` when the agent refuses. The lock that
    ``lock`` takes is held until the connection ends, whoever ends it.
    """

    def __init__(self, wire: Wire):
        self._wire = wire

    @property
    def where(self) -> str:
        """The device, as people call it."""
        return self._wire.where

    @property
    def sent(self) -> int:
        """Bytes sent so far, everything counted."""
        return self._wire.sent

    # Looking: nothing changes -----------------------------------------------------------------

    async def hello(self) -> DeviceState:
        """What the device is and has."""
        state = await self._ask(DeviceState, "asking what the device has", op="hello")
        if state.protocol != PROTOCOL:
            reason = f"its agent speaks protocol {state.protocol}, and we speak {PROTOCOL}"
            raise CannotReach(f"{self.where}: {reason}")
        return state

    async def look(self, blobs: Mapping[str, int]) -> Look:
        """Which of these blobs (sha256 to bytes) it has not, and what runs now."""
        return await self._ask(Look, "asking what is missing", op="look", blobs=_blobs(blobs))

    async def logs(self, lines: int, *, follow: bool) -> AsyncIterator[str]:
        """The last lines of the node's journal; with ``follow`` those that come, without end."""
        doing = "reading the journal"
        await self._wire.send(_message("logs", lines=lines, follow=follow), doing, QUICK_SECONDS)
        patience = None if follow else QUICK_SECONDS
        while "progress" in (found := await self._wire.receive(doing, patience)):
            yield as_line(str(found["progress"]))
        for line in read_answer(Lines, found, self.where).lines:
            yield as_line(line)

    # Changing ---------------------------------------------------------------------------------

    async def lock(self, who: str) -> None:
        """Nobody else flashes this device until the connection ends."""
        await self._ask(Nothing, "taking the lock", op="lock", who=who)

    async def missing(self, blobs: Mapping[str, int]) -> frozenset[str]:
        """Which of these blobs it has not; refused when there is no room for them."""
        doing = "asking what is missing"
        answer = await self._ask(Missing, doing, op="missing", blobs=_blobs(blobs))
        return frozenset(answer.missing) & blobs.keys()

    async def put(self, blob: Blob, report: Progress = silent) -> None:
        """Send one blob; ``report`` hears how many bytes of how many are under way.

        Raises ``InvalidBundle`` when its file is another one by now.
        """
        doing = "sending a file"
        asked = _message("put", sha256=blob.sha256, size=blob.size)
        await self._wire.send(asked, doing, QUICK_SECONDS)
        try:
            await self._send_body(blob, report)
        except CannotReach as lost:
            await self._refusal(lost)
        await self._answer(Nothing, doing, WRITE_SECONDS, silent)

    async def _send_body(self, blob: Blob, report: Progress) -> None:
        done, pieces = 0, blob.pieces()
        while piece := await asyncio.to_thread(next, pieces, b""):
            await self._wire.write(piece, "sending a file", WRITE_SECONDS)
            done += len(piece)
            report("sending", done, blob.size)

    async def _refusal(self, lost: CannotReach) -> None:
        """Who no longer listens may have said why before."""
        try:
            found = await self._wire.receive("sending a file", QUICK_SECONDS)
        except CannotReach:
            raise lost from None
        read_answer(Nothing, found, self.where)

    async def environment(
        self, wheels: Sequence[Mapping[str, Any]], report: Progress = silent
    ) -> None:
        """Make an environment of wheels that are there, without a network, unless it is there."""
        asked = _message("environment", wheels=list(wheels))
        await self._work(Nothing, "making the environment", asked, report)

    async def identity(self, name: str, wheels: Sequence[Mapping[str, Any]]) -> str:
        """The device's request for a certificate; it makes its key when it has none."""
        asked = _message("identity", name=name, wheels=list(wheels))
        return (await self._work(Request, "asking for its key's request", asked, silent)).csr

    async def certify(self, authority: str, certificate: str, revoked: str) -> None:
        """Give the device its certificate, and whom to believe and not to; all PEM."""
        texts = {"authority": authority, "certificate": certificate, "revoked": revoked}
        await self._ask(Nothing, "giving it its certificate", op="certify", **texts)

    async def install(self, listing: str, signature: bytes) -> str:
        """Make a generation of blobs that are there; it is not current yet. Its name."""
        signed = base64.b64encode(signature).decode()
        asked = _message("install", listing=listing, signature=signed)
        return (await self._work(Made, "installing", asked, silent)).generation

    async def switch(self, name: str) -> None:
        """Let a generation be the current one, at once; nothing is started."""
        await self._ask(Nothing, "switching", op="switch", name=name)

    async def start(self, name: str, seconds: float, report: Progress = silent) -> Health:
        """Start or restart the node and wait until it is healthy, ``seconds`` at most."""
        asked = _message("start", name=name, seconds=seconds)
        return await self._work(Health, "starting the node", asked, report, seconds)

    async def reload(self, name: str) -> None:
        """Let a generation be the current one, and the node that runs read its configuration.

        Refused where no node runs; what was current is so still.
        """
        await self._ask(Nothing, "telling the node", op="reload", name=name)

    async def good(self, name: str, passed: Sequence[str] = ()) -> None:
        """The generation is healthy: it is the one to go back to from now on.

        Those that have ``passed`` are removed: nobody is to go back to them.
        """
        doing = "marking it good"
        await self._ask(Nothing, doing, op="good", name=name, passed=list(passed))

    async def rollback(self, name: str | None, seconds: float, *, reload: bool = False) -> Back:
        """Go back to a generation, the one before when it is None, and wait for its health.

        With ``reload`` the node that runs is only told to read that one's configuration.
        """
        asked = _message("rollback", seconds=seconds, reload=reload)
        asked |= {"name": name} if name else {}
        return await self._work(Back, "going back", asked, silent, seconds)

    # The protocol -----------------------------------------------------------------------------

    async def _ask(self, kind: type[Answer], doing: str, *, op: str, **asked: Any) -> Answer:
        await self._wire.send(_message(op, **asked), doing, QUICK_SECONDS)
        return await self._answer(kind, doing, WRITE_SECONDS, silent)

    async def _work(
        self,
        kind: type[Answer],
        doing: str,
        asked: dict[str, Any],
        report: Progress,
        seconds: float = 0.0,
    ) -> Answer:
        await self._wire.send(asked, doing, QUICK_SECONDS)
        return await self._answer(kind, doing, ENVIRONMENT_SECONDS + seconds, report)

    async def _answer(
        self, kind: type[Answer], doing: str, seconds: float, report: Progress
    ) -> Answer:
        """The answer, after any words about how far it is; ``seconds`` without a word at most."""
        while "progress" in (found := await self._wire.receive(doing, seconds)):
            done, total = found.get("done"), found.get("of")
            known = (done, total) if isinstance(done, int) and isinstance(total, int) else (0, 0)
            report(clean(str(found["progress"])), *known)
        return read_answer(kind, found, self.where)


def _message(op: str, **asked: Any) -> dict[str, Any]:
    return {"op": op} | asked


def _blobs(sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"sha256": sha256, "size": size} for sha256, size in sorted(sizes.items())]
