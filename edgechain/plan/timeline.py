"""When who does what: one frame's way through a placement, begun anew every period.

No device and no link works longer than a period for one frame. So frames that begin a period apart
never wait for each other, and each of them takes just the latency.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.plan.score import transfers
from edgechain.spec.plan import Placement, Share
from edgechain.spec.problem import Problem

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Work:
    """A device runs its units for the frame that begins at 0; ``slow``: on its longest way."""

    share: Share
    start: float
    slow: bool

    @property
    def end(self) -> float:
        """When it sends."""
        return self.start + self.share.seconds


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

    ``works`` are in the order of the placement's shares; ``messages`` by sender in that order.
    """

    period: float
    latency: float
    works: tuple[Work, ...]
    messages: tuple[Message, ...]

    def sets_period(self, seconds: float) -> bool:
        """Whether who works that long for every frame never rests."""
        return 0 < self.period <= seconds * (1 + _ROUNDING)


def timeline(problem: Problem, found: Placement) -> Timeline:
    """When everything of one frame begins and ends."""
    owner = _owner(found)
    sent, sizes = transfers(problem, owner), _sizes(problem, owner)
    order = [share.board for share in found.shares]
    ready, done = dict.fromkeys(order, 0.0), dict.fromkeys(order, 0.0)
    for share in found.shares:
        done[share.board] = ready[share.board] + share.seconds
        for (source, target), seconds in sent.items():
            if source == share.board:
                ready[target] = max(ready[target], done[source] + seconds)
    slow, ways = _longest_way(sent, done)
    works = (Work(share, ready[share.board], share.board in slow) for share in found.shares)
    ends = sorted(sent, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    messages = (
        Message(*pair, sizes[pair], done[pair[0]], sent[pair], pair in ways) for pair in ends
    )
    return Timeline(found.score.period, found.score.latency, tuple(works), tuple(messages))


def _owner(found: Placement) -> list[int]:
    owners = {unit: share.board for share in found.shares for unit in share.units}
    return [owners[unit] for unit in sorted(owners)]


def _sizes(problem: Problem, owner: list[int]) -> dict[tuple[int, int], int]:
    """Bytes that cross, by sending and receiving device."""
    sizes: dict[tuple[int, int], int] = {}
    for unit, readers in enumerate(problem.readers):
        for target in {owner[reader] for reader in readers} - {owner[unit]}:
            pair = owner[unit], target
            sizes[pair] = sizes.get(pair, 0) + problem.units[unit].output_bytes
    return sizes


def _longest_way(
    sent: dict[tuple[int, int], float], done: dict[int, float]
) -> tuple[set[int], set[tuple[int, int]]]:
    """Devices and transfers of which a later end would be a later answer; of several ways one."""
    board = max(done, key=lambda one: done[one])
    slow, ways = {board}, set()
    while incoming := [pair for pair in sent if pair[1] == board]:
        last = max(incoming, key=lambda pair: done[pair[0]] + sent[pair])
        ways.add(last)
        board = last[0]
        slow.add(board)
    return slow, ways
