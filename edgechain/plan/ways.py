"""The shortest way of one request through a chain."""

from __future__ import annotations

import math
from collections import deque

from edgechain.plan.line import SLACK, Line
from edgechain.plan.score import Found, Owner


class ShortestWay:
    """Over sets of devices, and the one of them that comes last."""

    def __init__(self, line: Line):
        self._line = line
        self._best: dict[tuple[int, int], list[float]] = {}
        self._start: dict[tuple[int, int], list[int]] = {}

    def find(self) -> Found:
        """The best of all sets; of equal ones the smallest."""
        line, least, chosen = self._line, math.inf, None
        for subset in line.subsets:
            for board in line.boards:
                if subset >> board & 1:
                    self._extend(subset, board)
                    if self._best[subset, board][-1] < least * (1 - SLACK):
                        least, chosen = self._best[subset, board][-1], (subset, board)
        if chosen is None:
            return Found(None, math.inf)
        return Found(self._owner(*chosen), least * (1 - SLACK))

    def _before(self, subset: int, board: int, place: int) -> tuple[float, int]:
        """Seconds until what ``board`` needs from that place on is there, and who sends it."""
        rest = subset ^ (1 << board)
        if not rest:
            return (0.0 if place == 0 else math.inf), board
        if place == 0:
            return math.inf, board
        return min(
            (self._best[rest, before][place] + self._line.crossing(before, board, place), before)
            for before in self._line.boards
            if rest >> before & 1
        )

    def _extend(self, subset: int, board: int) -> None:
        """Fill in what a set comes to when ``board`` is the last."""
        line = self._line
        until, stops = line.until[board], line.stops[board]
        received, sent, extra = (
            line.paid_at_start[board],
            line.paid_at_end[board],
            line.paid_always[board],
        )
        best, start = [math.inf] * (line.length + 1), [0] * (line.length + 1)
        window: deque[tuple[float, int]] = deque()
        for end in range(1, line.length + 1):
            place = end - 1
            key = self._before(subset, board, place)[0] + received[place] - until[place]
            while window and window[-1][0] >= key:
                window.pop()
            window.append((key, place))
            while window and stops[window[0][1]] < end:
                window.popleft()
            if window:
                best[end] = window[0][0] + until[end] + sent[end] + extra
                start[end] = window[0][1]
        self._best[subset, board], self._start[subset, board] = best, start

    def _owner(self, subset: int, board: int) -> Owner:
        owner, end = [0] * self._line.length, self._line.length
        while end:
            start = self._start[subset, board][end]
            owner[start:end] = [board] * (end - start)
            before = self._before(subset, board, start)[1]
            subset ^= 1 << board
            board, end = before, start
        return owner
