"""When who does what: one frame's way through a placement, begun anew every period.

No device and no link is busy longer than a period with one frame. So frames that begin a period
apart never wait for each other, and each of them takes just the latency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgechain.plan.score import busy_seconds, crossing_bytes, transfers
from edgechain.spec.plan import Placement, Share
from edgechain.spec.problem import Problem

_ROUNDING = 1e-9

_Ends = tuple[int, int]
"""Sending and receiving device, by their places."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a device does for the frame that begins at 0.

    ``seconds`` are its units' and what it pays for its stage and its bytes; ``slow``: it is on
    the frame's longest way.
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
    """What crosses from one device to another for that frame; devices by their places."""

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

    ``works`` are in the order of the placement's shares, ``messages`` in that of their senders.
    """

    period: float
    latency: float
    works: tuple[Work, ...]
    messages: tuple[Message, ...]

    def sets_period(self, one: Work | Message) -> bool:
        """Whether it never rests; several may be as busy as that."""
        return 0 < self.period <= one.seconds * (1 + _ROUNDING)


def timeline(problem: Problem, found: Placement) -> Timeline:
    """When everything of one frame begins and ends."""
    owner = _owner(found)
    sent, sizes = transfers(problem, owner), crossing_bytes(problem, owner)
    busy = {
        share.board: busy_seconds(problem, share.board, share.seconds, sizes)
        for share in found.shares
    }
    ready, done = dict.fromkeys(busy, 0.0), dict.fromkeys(busy, 0.0)
    for board, seconds in busy.items():
        done[board] = ready[board] + seconds
        for (source, target), way in sent.items():
            if source == board:
                ready[target] = max(ready[target], done[source] + way)
    slow, ways = _longest_way(sent, done)
    order = list(busy)
    works = (
        Work(share, ready[share.board], busy[share.board], share.board in slow)
        for share in found.shares
    )
    messages = (
        Message(*ends, sizes[ends], done[ends[0]], sent[ends], ends in ways)
        for ends in sorted(sent, key=lambda ends: (order.index(ends[0]), order.index(ends[1])))
    )
    return Timeline(found.score.period, found.score.latency, tuple(works), tuple(messages))


def _owner(found: Placement) -> list[int]:
    owners = {unit: share.board for share in found.shares for unit in share.units}
    return [owners[unit] for unit in sorted(owners)]


def _longest_way(
    sent: Mapping[_Ends, float], done: Mapping[int, float]
) -> tuple[set[int], set[_Ends]]:
    """Devices and transfers that make the latency; of several such ways one."""
    board = max(done, key=lambda one: done[one])
    slow, ways = {board}, set[_Ends]()
    while incoming := [ends for ends in sent if ends[1] == board]:
        last = max(incoming, key=lambda ends: done[ends[0]] + sent[ends])
        ways.add(last)
        board = last[0]
        slow.add(board)
    return slow, ways
