"""When who does what: one frame's way through a placement, begun anew every period.

No device and no link is busy longer than a period with one frame. So where every device has one
stage, frames that begin a period apart never wait for each other, and each of them takes just the
latency. Stages of one device may have to wait for those of another frame; here they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.plan.packed import running
from edgechain.plan.schedule import Schedule, Sent, schedule
from edgechain.plan.score import CLIENT
from edgechain.spec.plan import Placement, Share
from edgechain.spec.problem import Problem

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Work:
    """What a device does for the frame that begins at 0.

    ``seconds`` are its units' and what it pays for its stage and its bytes, packing among them;
    ``slow``: it is on the frame's longest way.
    """

    share: Share
    start: float
    seconds: float
    slow: bool

    @property
    def end(self) -> float:
        """When it sends."""
        return self.start + self.seconds


@dataclass(frozen=True, slots=True)
class Message:
    """What crosses for that frame: devices by their places, or ``CLIENT``.

    ``sender`` and ``reader`` are the works that send it and wait for it first, by their places.
    """

    sender: int
    reader: int
    source: int
    target: int
    size: int
    start: float
    seconds: float
    slow: bool

    @property
    def end(self) -> float:
        """When it is there."""
        return self.start + self.seconds


@dataclass(frozen=True, slots=True)
class Timeline:
    """One frame, from 0 to ``latency``; the next does the same a ``period`` later.

    ``works`` are in the order of the placement's shares, ``messages`` in that of their senders,
    the client's first.
    """

    period: float
    latency: float
    works: tuple[Work, ...]
    messages: tuple[Message, ...]

    def sets_period(self, one: Work | Message) -> bool:
        """Whether its device with all its stages, or its link, never rests; several may not."""
        if isinstance(one, Work):
            board = one.share.board
            seconds = sum(work.seconds for work in self.works if work.share.board == board)
        else:
            way = one.source, one.target
            seconds = sum(m.seconds for m in self.messages if (m.source, m.target) == way)
        return 0 < self.period <= seconds * (1 + _ROUNDING)


def timeline(problem: Problem, found: Placement) -> Timeline:
    """When everything of one frame begins and ends."""
    times = schedule(*running(problem, found))
    slow, ways = _longest_way(found.shares, times)
    works = (
        Work(share, times.starts[place], times.busy[place], place in slow)
        for place, share in enumerate(found.shares)
    )
    messages = (
        Message(
            one.sender,
            min(one.readers, default=CLIENT),
            *one.ends,
            one.size,
            times.end(one.sender),
            one.seconds,
            one in ways,
        )
        for one in sorted(times.sent, key=lambda one: (one.sender, one.readers))
    )
    return Timeline(found.score.period, found.score.latency, tuple(works), tuple(messages))


def _longest_way(shares: Sequence[Share], times: Schedule) -> tuple[set[int], set[Sent]]:
    """Stages and messages that make the latency; of several such ways one."""
    ends = [(times.end(place), place) for place in range(len(shares))]
    told = [one for one in times.sent if one.ends[1] == CLIENT]
    last, place = max(ends)
    ways = set[Sent]()
    for one in told:
        if times.end(one.sender) + one.seconds > last:
            last, place, ways = times.end(one.sender) + one.seconds, one.sender, {one}
    slow = {place}
    while (begin := times.starts[place]) > 0:
        comes = [one for one in times.sent if place in one.readers]
        late = max(comes, key=lambda one: times.end(one.sender) + one.seconds, default=None)
        if late is not None and times.end(late.sender) + late.seconds >= begin * (1 - _ROUNDING):
            ways.add(late)
            place = late.sender
        else:
            place = _before(shares, times, place)
        if place == CLIENT:
            break
        slow.add(place)
    return slow, ways


def _before(shares: Sequence[Share], times: Schedule, place: int) -> int:
    """Whom a stage waits for that could begin but for its device."""
    same = (other for other, share in enumerate(shares) if share.board == shares[place].board)
    earlier = (other for other in same if times.starts[other] < times.starts[place])
    return max(earlier, key=times.end)
