"""A chain of units, made ready for questions about runs of it on each device."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from edgechain.spec.problem import Problem

SLACK = 1e-12
"""Of all work on a device: so much may sums of the same numbers in another order differ."""


class Line:
    """A chain, made ready for questions about runs of it on each device."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.length = len(problem.units)
        self.boards = range(len(problem.boards))
        self.until = [_until(seconds) for seconds in problem.seconds]
        """By device: work of all units before a place; what it cannot run counts as nothing."""
        self.slack = [SLACK * until[-1] for until in self.until]
        self._memory = list(accumulate((u.memory_bytes for u in problem.units), initial=0))
        self.stops = [self._stops(board) for board in self.boards]
        """By device, for every place: how far a run from there can go, whatever it takes."""
        self.subsets = sorted(range(1, 1 << len(problem.boards)), key=int.bit_count)
        """Sets of devices as bits, the small ones first."""
        boards, sizes = problem.boards, self._sizes()
        self.paid_at_start = [[board.receive_seconds * size for size in sizes] for board in boards]
        """By device, for every place: what a run that starts there pays for what it receives."""
        self.paid_at_end = [[board.send_seconds * size for size in sizes] for board in boards]
        self.paid_always = [board.stage_seconds for board in boards]

    def _stops(self, board: int) -> list[int]:
        """Until what it cannot run, and until its memory is full."""
        seconds, room = self.problem.seconds[board], self.problem.room[board]
        stops, able = [0] * (self.length + 1), self.length
        stops[self.length] = self.length
        for place in range(self.length - 1, -1, -1):
            if seconds[place] == math.inf:
                able = place
            most = self.length
            if room != math.inf:
                most = bisect_right(self._memory, self._memory[place] + room) - 1
            stops[place] = max(place, min(able, most))
        return stops

    @property
    def is_free(self) -> bool:
        """Whether it does not matter what crosses."""
        boards = self.problem.boards
        return self.problem.wires is None and not any(board.pays_for_bytes for board in boards)

    def _sizes(self) -> list[int]:
        """For every place what crosses there; the ends of the chain are no question here."""
        sizes = [unit.output_bytes for unit in self.problem.units]
        return [0, *sizes[:-1], 0]

    def busy(self, board: int, start: int, end: int) -> float:
        """Seconds of a device with the units from ``start`` to before ``end``."""
        paid = self.paid_always[board] + self.paid_at_start[board][start]
        until = self.until[board]
        return paid + until[end] - until[start] + self.paid_at_end[board][end]

    def crossing(self, source: int, target: int, place: int) -> float:
        """Seconds of what crosses there; infinite without a link."""
        wires = self.problem.wire
        if wires is None:
            return 0.0
        wire = wires[source][target]
        size = self.problem.units[place - 1].output_bytes
        return math.inf if wire is None else wire.carries(size)


def _until(seconds: Sequence[float]) -> list[float]:
    return list(accumulate((s if s < math.inf else 0.0 for s in seconds), initial=0.0))
