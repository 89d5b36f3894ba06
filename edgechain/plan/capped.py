"""The shortest way of one request through a chain in which nothing takes longer than a period.

As in ``ways``, over sets of devices and the one of them that comes last; runs and crossings above
the period are left out, and devices whose link to the client would be, as the first or the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgechain.plan.line import SLACK, Line
from edgechain.plan.score import Ends, Owner

Seconds = NDArray[np.float64]


class CappedWay:
    """For one chain, and for any period."""

    def __init__(self, line: Line):
        self._line = line
        self._runs = [_runs(line, board) for board in line.boards]
        self._cuts = {
            (a, b): np.array([math.inf, *(line.crossing(a, b, p) for p in range(1, line.length))])
            for a in line.boards
            for b in line.boards
            if a != b
        }

    def find(self, period: float) -> Owner | None:
        """The owner with the smallest latency; of those one with the fewest devices."""
        asked, told = self._line.from_client, self._line.to_client
        cuts = self._allowed_cuts(period)
        runs = self._allowed_runs(period)
        return _Way(self._line, runs, cuts, _allowed(asked, period), _allowed(told, period)).find()

    def _allowed_runs(self, period: float) -> list[Seconds]:
        limits = (period * (1 + SLACK) + slack for slack in self._line.slack)
        pairs = zip(self._runs, limits, strict=True)
        return [np.where(runs <= limit, runs, math.inf) for runs, limit in pairs]

    def _allowed_cuts(self, period: float) -> dict[Ends, Seconds]:
        return {ends: _allowed(cuts, period) for ends, cuts in self._cuts.items()}


def _allowed(seconds: Sequence[float] | Seconds, period: float) -> Seconds:
    """Infinite where it is longer than the period."""
    times = np.array(seconds)
    return np.where(times <= period * (1 + SLACK), times, math.inf)


def _runs(line: Line, board: int) -> Seconds:
    """Times by the place where a run begins and the one where it ends; infinite if it cannot."""
    until = np.array(line.until[board])
    starts = line.paid_always[board] + np.array(line.paid_at_start[board]) - until
    ends = until + np.array(line.paid_at_end[board])
    places = np.arange(line.length + 1)
    possible = (places > places[:, None]) & (places <= np.array(line.stops[board])[:, None])
    busy = np.where(possible, starts[:, None] + ends, math.inf)
    return np.asarray(busy[:-1], dtype=np.float64)


class _Way:
    """One search: for every set and last device, the seconds until all before a place is done."""

    def __init__(
        self,
        line: Line,
        runs: list[Seconds],
        cuts: dict[Ends, Seconds],
        asked: Seconds,
        told: Seconds,
    ):
        self._line, self._runs, self._cuts = line, runs, cuts
        self._asked, self._told = asked, told
        self._done: dict[tuple[int, int], Seconds] = {}

    def find(self) -> Owner | None:
        line, least, chosen = self._line, math.inf, None
        for subset in line.subsets:
            for board in self._members(subset):
                arrivals = self._arrivals(subset ^ (1 << board), board)
                if not np.isfinite(arrivals).any():
                    continue
                done = (arrivals[:, None] + self._runs[board]).min(axis=0)
                self._done[subset, board] = done
                answered = done[-1] + self._told[board]
                if answered < least * (1 - SLACK):
                    least, chosen = answered, (subset, board)
        return None if chosen is None else self._owner(*chosen)

    def _members(self, subset: int) -> list[int]:
        return [board for board in self._line.boards if subset >> board & 1]

    def _arrivals(self, rest: int, board: int) -> Seconds:
        """For every place but the last: when what ``board`` needs from there on has come."""
        arrivals = np.full(self._line.length, math.inf)
        if not rest:
            arrivals[0] = self._asked[board]
        for before in self._members(rest):
            if (rest, before) in self._done:
                came = self._done[rest, before][:-1] + self._cuts[before, board]
                np.minimum(arrivals, came, out=arrivals)
        return arrivals

    def _owner(self, subset: int, board: int) -> Owner:
        """Back along the way, from run to run."""
        owner, end = [0] * self._line.length, self._line.length
        while end:
            rest = subset ^ (1 << board)
            start = int(np.argmin(self._arrivals(rest, board) + self._runs[board][:, end]))
            owner[start:end] = [board] * (end - start)
            if start:
                board = self._before(rest, board, start)
            subset, end = rest, start
        return owner

    def _before(self, rest: int, board: int, place: int) -> int:
        """The device from which all before a place came first."""
        came = (
            (self._done[rest, one][place] + self._cuts[one, board][place], one)
            for one in self._members(rest)
            if (rest, one) in self._done
        )
        return min(came)[1]
