"""What is drawn of a plan without the place: a lane for every device, one for every used link."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edgechain.plan.look import FRAMES, NAMES, SMALL, data, ms
from edgechain.plan.score import CLIENT, name_of
from edgechain.plan.svg import fitted, width
from edgechain.plan.timeline import Message, Timeline, Work, timeline
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Problem

MOST_OTHERS = 300
"""Pale frames on either side; more would be narrower than a line."""

SETS_THE_PERIOD = "sets the period"

Key = object
"""What tells the lanes of a chart apart."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message of a frame, which leaves one lane and comes to another; ``None`` is the client."""

    source: Key | None
    target: Key | None
    heavy: frozenset[int] = frozenset()
    """The frames for which it is on the longest way."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A device, or with an ``arrow`` a link: what it is called, and when it is busy.

    ``seconds`` are those of one frame, ``busy`` a share of the time. ``detail`` stands below a
    device's name and behind a link's, ``told`` beside the pointer; ``slowest`` says what it has to
    do with the period, if it has. ``starts`` are those of every frame on the axis, 0 the first
    that is drawn in full.
    """

    key: Key
    name: str
    detail: str
    told: str
    seconds: float
    busy: float
    slowest: str
    starts: Mapping[int, float]
    arrow: Arrow | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the lanes of a stage."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Note:
    """A line below the lanes of links."""

    words: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that is measured; without words only its end is."""

    start: float
    end: float
    words: str


class Chart(Protocol):
    """A plan that can be drawn."""

    @property
    def frames(self) -> int:
        """How many are drawn in full."""

    @property
    def span(self) -> float:
        """Seconds until the last of them is out."""

    def spans(self) -> Sequence[Span]:
        """What is measured."""

    def lanes(self, span: float) -> Iterator[Lane | Heading | Note]:
        """All lanes from above, for an axis of so many seconds."""


class Single:
    """A plan in which nobody takes turns: every frame is like the one before, a period later."""

    frames = FRAMES

    def __init__(self, problem: Problem, found: Placement):
        self._problem, self._time = problem, timeline(problem, found)

    @property
    def span(self) -> float:
        """Seconds until the last of its frames is out."""
        return self._time.latency + (FRAMES - 1) * self._time.period

    def spans(self) -> Sequence[Span]:
        """How long frame 1 takes, and how long after it the next one comes."""
        latency, period = self._time.latency, self._time.period
        if not latency:
            return ()
        words = f"period {ms(period)}" if period else ""
        return (
            Span(0, latency, f"latency {ms(latency)}"),
            Span(latency, latency + period, words),
        )

    def lanes(self, span: float) -> Iterator[Lane]:
        """Every device in its turn, and below it the links on which it sends."""
        time = self._time
        for place, work in ((CLIENT, None), *enumerate(time.works)):
            if work is not None:
                yield self._device(place, work, span)
            for message in time.messages:
                if message.sender == place:
                    yield self._link(message, span)

    def _device(self, place: int, work: Work, span: float) -> Lane:
        name = self._problem.boards[work.share.board].name
        units = [self._problem.units[unit].name for unit in work.share.units]
        besides = work.seconds - work.share.seconds
        told = f"{name}: {device_told(work.share.seconds, units, besides)}"
        return Lane(place, name, units_in_short(units), told, *self._times(work, span))

    def _link(self, message: Message, span: float) -> Lane:
        """Where it goes to; of what the client sends, where it comes from, too."""
        whose = "client to" if message.source == CLIENT else "to"
        ends = [name_of(self._problem, place) for place in (message.source, message.target)]
        told = f"{' to '.join(ends)}: {data(message.size)} in {ms(message.seconds)}"
        times = self._times(message, span)
        arrow = Arrow(message.sender, message.reader, frozenset({0} if message.slow else ()))
        return Lane(message, f"{whose} {ends[1]}", data(message.size), told, *times, arrow)

    def _times(
        self, what: Work | Message, span: float
    ) -> tuple[float, float, str, Mapping[int, float]]:
        period = self._time.period
        busy = what.seconds / period if what.seconds else 0.0
        slowest = SETS_THE_PERIOD if self._time.sets_period(what) else ""
        return what.seconds, busy, slowest, _starts(what, self._time, span)


def _starts(what: Work | Message, time: Timeline, span: float) -> Mapping[int, float]:
    """When those frames begin there that are drawn in full, and those that are seen beside them."""
    if not time.period:
        return {0: what.start}
    before = math.ceil(min(what.end / time.period, MOST_OTHERS))
    after = math.ceil(min((span - what.start) / time.period, FRAMES + MOST_OTHERS))
    frames = range(-before, max(after, FRAMES))
    return {frame: what.start + frame * time.period for frame in frames}


def device_told(seconds: float, units: Sequence[str], besides: float) -> str:
    """What a device does for a frame, all of it."""
    paid = f", {ms(besides)} for its stage and its bytes" if besides else ""
    return f"{ms(seconds)} for {', '.join(units)}{paid}"


def units_in_short(names: Sequence[str], room: float = NAMES) -> str:
    """All names if they fit, else the first and the last and how many there are."""
    whole = ", ".join(names)
    if len(names) == 1 or width(whole, SMALL) <= room:
        return fitted(whole, room, SMALL)
    count = f" ({len(names)})"
    half = (room - width(f" to {count}", SMALL)) / 2
    return f"{fitted(names[0], half, SMALL)} to {fitted(names[-1], half, SMALL)}{count}"
