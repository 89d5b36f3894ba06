"""A chain of units, made ready for questions about runs of it on each device."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import accumulate

from edgechain.spec.problem import Problem, Unit

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
        self.stops = [self._stops(board) for board in self.boards]
        """By device, for every place: how far a run from there can go, whatever it takes."""
        self.subsets = sorted(range(1, 1 << len(problem.boards)), key=int.bit_count)
        """Sets of devices as bits, the small ones first."""
        boards, sizes = problem.boards, self._sizes()
        self.paid_at_start = [[board.receive_seconds * size for size in sizes] for board in boards]
        """By device, for every place: what a run that starts there pays for what it receives."""
        self.paid_at_end = [[board.send_seconds * size for size in sizes] for board in boards]
        self.paid_always = [board.stage_seconds for board in boards]
        first, last = problem.units[0].request_bytes, problem.units[-1].result_bytes
        self.from_client = [board.client_carries(first) for board in boards]
        """By device: seconds until it has what the client hands in, if it comes first."""
        self.to_client = [board.client_carries(last) for board in boards]
        """By device: seconds until the client has what comes of it, if it is the last."""

    def _stops(self, board: int) -> list[int]:
        """Until what it cannot run, and until its memory is full."""
        seconds, most = (
            self.problem.seconds[board],
            _within(self.problem.units, self.problem.room[board]),
        )
        stops, able = [self.length] * (self.length + 1), self.length
        for place in range(self.length - 1, -1, -1):
            if seconds[place] == math.inf:
                able = place
            stops[place] = max(place, min(able, most[place]))
        return stops

    @property
    def is_free(self) -> bool:
        """Whether it does not matter what crosses."""
        boards, client = self.problem.boards, (*self.from_client, *self.to_client)
        paying = any(client) or any(board.pays_for_bytes for board in boards)
        return self.problem.wires is None and not paying

    def _sizes(self) -> list[int]:
        """For every place what crosses there; at the ends of the chain, from and to the client."""
        units = self.problem.units
        inner = [unit.output_bytes for unit in units[:-1]]
        return [units[0].request_bytes, *inner, units[-1].result_bytes]

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


def _within(units: Sequence[Unit], room: float) -> list[int]:
    """For every place how far a run from there can go in so much memory.

    Both ends of the run only move on. What its units keep is a sum; the one that has most while it
    runs is the first of a queue in which each has more than all behind it.
    """
    ends, end, kept = list[int](), 0, 0
    largest: deque[int] = deque()
    for start, first in enumerate(units):
        while end < len(units):
            unit = units[end]
            working = max(unit.working_bytes, units[largest[0]].working_bytes if largest else 0)
            if kept + unit.memory_bytes + working > room:
                break
            kept, end = kept + unit.memory_bytes, end + 1
            while largest and units[largest[-1]].working_bytes <= unit.working_bytes:
                largest.pop()
            largest.append(end - 1)
        ends.append(end)
        if end == start:
            end = start + 1
            continue
        kept -= first.memory_bytes
        if largest[0] == start:
            largest.popleft()
    return ends
