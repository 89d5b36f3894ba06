"""From what a device has and what it should run to the steps that lead there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgechain.deploy.difference import Difference, Parts, compare


class StepKind(StrEnum):
    """What a step does."""

    SEND = "send"
    ENVIRONMENT = "environment"
    CERTIFY = "certify"
    INSTALL = "install"
    SWITCH = "switch"
    START = "start"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, in words, and how many bytes of what is sent for it."""

    kind: StepKind
    words: str
    bytes: int = 0
    sha256: str = ""
    """The blob, where one is sent."""


@dataclass(frozen=True, slots=True)
class Present:
    """What a device has: what is current, what was last good, and what the current one holds."""

    current: str | None = None
    good: str | None = None
    parts: Parts | None = None
    certified: bool = False
    informed: bool = True
    """Whether its list of who is out of the fleet is the newest."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What will happen to one device, in this order; none when it runs already what it should."""

    steps: tuple[Step, ...]
    difference: Difference
    kept: int
    """How many blobs are there already."""

    @property
    def bytes(self) -> int:
        """What is sent of files, in bytes."""
        return sum(step.bytes for step in self.steps)

    @property
    def changes_what_runs(self) -> bool:
        """Whether there will be another generation."""
        return any(step.kind is StepKind.SWITCH for step in self.steps)

    @property
    def blobs(self) -> tuple[str, ...]:
        """What is sent, sha256s."""
        return tuple(step.sha256 for step in self.steps if step.kind is StepKind.SEND)


def steps_to(present: Present, wanted: Parts, missing: frozenset[str]) -> Steps:
    """The steps from ``present`` to ``wanted``.

    ``missing`` are the sha256s that the device has not. A device that runs what is wanted and was
    found healthy gets no steps, or only the fleet's list of who is out; one whose current
    generation was never found good is flashed again.
    """
    difference = compare(present.parts, wanted)
    healthy = present.current is not None and present.current == present.good
    kept = len(wanted.blobs.keys() - missing)
    if present.parts is not None and healthy and present.certified and not difference.any:
        news = () if present.informed else (_certify(present),)
        return Steps(news, difference, kept)
    new_wheels = present.parts is None or difference.wheels.any
    steps = (
        *_sends(wanted, missing),
        *(_environment(wanted) if new_wheels else ()),
        _certify(present),
        Step(StepKind.INSTALL, f"a new generation beside {present.current or 'nothing'}"),
        Step(StepKind.SWITCH, "make it the current one, by one rename"),
        Step(StepKind.START, "start the node on it and wait until it is healthy"),
        Step(StepKind.GOOD, f"mark it good; else go back to {_fallback(present)}"),
    )
    return Steps(steps, difference, kept)


def _sends(wanted: Parts, missing: frozenset[str]) -> tuple[Step, ...]:
    """Every blob that is missing once, wheels first: they are needed first."""
    names: dict[str, str] = {}
    for parts in (wanted.wheels, wanted.files):
        for name, part in sorted(parts.items()):
            if part.sha256 in missing:
                names.setdefault(part.sha256, name)
    sizes: Mapping[str, int] = wanted.blobs
    return tuple(
        Step(StepKind.SEND, name, bytes=sizes[sha256], sha256=sha256)
        for sha256, name in names.items()
    )


def _environment(wanted: Parts) -> tuple[Step, ...]:
    words = f"a new one of {len(wanted.wheels)} wheels, without a network"
    return (Step(StepKind.ENVIRONMENT, words),)


def _certify(present: Present) -> Step:
    if present.certified:
        return Step(StepKind.CERTIFY, "its certificate, and the fleet's list of who is out")
    return Step(StepKind.CERTIFY, "the device makes its key; the fleet signs its certificate")


def _fallback(present: Present) -> str:
    return present.good or present.current or "nothing, which is what runs now"
