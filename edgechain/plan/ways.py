"""The shortest way of one request through a chain."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate

from edgechain.plan.line import SLACK, Line
from edgechain.plan.score import Found, Owner


class ShortestWay:
    """Over sets of devices, and the one of them that comes last.

    For both, and for every place, the seconds until all before it is done.
    """

    def __init__(self, line: Line):
        self._line = line
        self._done: dict[tuple[int, int], list[float]] = {}
        self._crossing = {
            (a, b): [0.0, *(line.crossing(a, b, place) for place in range(1, line.length)), 0.0]
            for a in line.boards
            for b in line.boards
            if a != b
        }

    def find(self) -> Found:
        """The best of all sets; of equal ones the smallest."""
        line, least, chosen = self._line, math.inf, None
        for subset in line.subsets:
            for board in line.boards:
                if subset >> board & 1:
                    done = self._done[subset, board] = self._extended(subset, board)
                    answered = done[-1] + line.to_client[board]
                    if answered < least * (1 - SLACK):
                        least, chosen = answered, (subset, board)
        if chosen is None:
            return Found(None, math.inf)
        return Found(self._owner(*chosen), least * (1 - SLACK))

    def _extended(self, subset: int, board: int) -> list[float]:
        """What a set comes to when ``board`` is the last."""
        line = self._line
        keys = self._keys(subset, board)
        extra = line.paid_always[board]
        least = _least_before(keys, line.stops[board])
        ends = zip(least, line.until[board][1:], line.paid_at_end[board][1:], strict=True)
        return [math.inf, *(key + until + sent + extra for key, until, sent in ends)]

    def _keys(self, subset: int, board: int) -> list[float]:
        """For every place but the last what a run from there begins with, less work before it."""
        line = self._line
        received, until = line.paid_at_start[board], line.until[board]
        arrivals = self._arrivals(subset ^ (1 << board), board)
        return [a + r - u for a, r, u in zip(arrivals, received[:-1], until[:-1], strict=True)]

    def _arrivals(self, rest: int, board: int) -> list[float]:
        """For every place but the last: when what ``board`` needs from there on has come."""
        if not rest:
            return [self._line.from_client[board]] + [math.inf] * (self._line.length - 1)
        ways = [self._arrivals_from(rest, before, board) for before in self._members(rest)]
        return ways[0] if len(ways) == 1 else list(map(min, *ways))

    def _arrivals_from(self, rest: int, before: int, board: int) -> list[float]:
        done, crossing = self._done[rest, before], self._crossing[before, board]
        return [d + c for d, c in zip(done[:-1], crossing[:-1], strict=True)]

    def _members(self, subset: int) -> Iterator[int]:
        return (board for board in self._line.boards if subset >> board & 1)

    def _owner(self, subset: int, board: int) -> Owner:
        """Back along the way, from run to run."""
        line = self._line
        owner, end = [0] * line.length, line.length
        while end:
            keys, stops = self._keys(subset, board), line.stops[board]
            start = min((p for p in range(end) if stops[p] >= end), key=lambda p: keys[p])
            owner[start:end] = [board] * (end - start)
            subset ^= 1 << board
            if start:
                arrivals = (
                    (self._arrivals_from(subset, b, board), b) for b in self._members(subset)
                )
                board = min((times[start], b) for times, b in arrivals)[1]
            end = start
        return owner


def _least_before(keys: Sequence[float], stops: Sequence[int]) -> list[float]:
    """For every end the smallest key of the places from which a run can get there."""
    if stops[0] == len(keys):
        return list(accumulate(keys, min))
    least = []
    window: deque[tuple[float, int]] = deque()
    for place, key in enumerate(keys):
        while window and window[-1][0] >= key:
            window.pop()
        window.append((key, place))
        while window and stops[window[0][1]] <= place:
            window.popleft()
        least.append(window[0][0] if window else math.inf)
    return least
