"""Whether a period will do for a chain, and which one to ask for next."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate
from typing import Protocol

from edgechain.plan.line import Line
from edgechain.plan.score import Owner


class Trial(Protocol):
    """Answers for one period after the other."""

    next_period: float
    """After a period that does not do: none below this one does."""

    def run(self, period: float) -> Owner | None:
        """An owner with no longer period."""


def trial_of(line: Line) -> Trial:
    """The quick one, where it does not matter what crosses."""
    return _FreeTrial(line) if line.is_free else _WiredTrial(line)


class _FreeTrial:
    """Whether a period will do where sending costs nothing."""

    def __init__(self, line: Line):
        self._line = line
        self.next_period = math.inf
        """After a period that does not do: the next one at which a device gets further."""
        self._steps = [
            [(board, subset ^ (1 << board)) for board in line.boards if subset >> board & 1]
            for subset in line.subsets
        ]

    def run(self, period: float) -> Owner | None:
        """An owner with no longer period."""
        line, after = self._line, math.inf
        furthest, last = [0] * (len(line.subsets) + 1), [0] * (len(line.subsets) + 1)
        for subset, steps in zip(line.subsets, self._steps, strict=True):
            best = -1
            for board, rest in steps:
                until, start = line.until[board], furthest[rest]
                end = line.stops[board][start]
                extra = line.paid_always[board]
                limit = until[start] + period + line.slack[board] - extra
                if until[end] > limit:
                    end = max(start, bisect_right(until, limit, start, end) - 1)
                    after = min(after, until[min(end + 1, line.length)] - until[start] + extra)
                if end > best:
                    best, last[subset] = end, board
            furthest[subset] = best
            if best == line.length:
                return self._owner(subset, furthest, last)
        self.next_period = after
        return None

    def _owner(self, subset: int, furthest: list[int], last: list[int]) -> Owner:
        owner = [0] * self._line.length
        while subset:
            board, end = last[subset], furthest[subset]
            subset ^= 1 << board
            owner[furthest[subset] : end] = [board] * (end - furthest[subset])
        return owner


Bits = int
"""Places of a chain as bits of an integer: 250 of them are one operation."""


class _WiredTrial:
    """Whether a period will do where it matters what crosses.

    For every set of devices and the one of them that comes last: the places up to which they can
    have everything done.
    """

    def __init__(self, line: Line):
        self._line = line
        self.next_period = math.inf
        self._first = [True for _ in line.boards]
        """By device: whether the client's link lets it be the first."""
        self._runs = [_runs(line, board) for board in line.boards]
        self._cuts = {(a, b): _Cuts(line, a, b) for a in line.boards for b in line.boards if a != b}

    def run(self, period: float) -> Owner | None:
        """An owner with no longer period."""
        line = self._line
        nexts = [runs.allow(period) for runs in self._runs]
        nexts += [cuts.allow(period) for cuts in self._cuts.values()]
        nexts += [s for s in (*line.from_client, *line.to_client) if s > period]
        self.next_period = min(nexts)
        done = 1 << line.length
        self._first = [seconds <= period for seconds in line.from_client]
        reached: dict[tuple[int, int], Bits] = {}
        for subset in line.subsets:
            for board in line.boards:
                if subset >> board & 1:
                    starts = self._starts(subset, board, reached)
                    ends = self._runs[board].ends(starts)
                    reached[subset, board] = ends
                    if ends & done and line.to_client[board] <= period:
                        return self._owner(subset, board, reached)
        return None

    def _starts(self, subset: int, board: int, reached: dict[tuple[int, int], Bits]) -> Bits:
        rest = subset ^ (1 << board)
        if not rest:
            return int(self._first[board])
        starts = 0
        for before in self._line.boards:
            if rest >> before & 1:
                starts |= reached[rest, before] & self._cuts[before, board].open
        return starts

    def _owner(self, subset: int, board: int, reached: dict[tuple[int, int], Bits]) -> Owner:
        owner, end = [0] * self._line.length, self._line.length
        while True:
            starts, runs = self._starts(subset, board, reached), self._runs[board]
            start = next(p for p in range(end) if starts >> p & 1 and runs.ends(1 << p) >> end & 1)
            owner[start:end] = [board] * (end - start)
            subset ^= 1 << board
            if not subset:
                return owner
            board = next(
                before
                for before in self._line.boards
                if subset >> before & 1
                and reached[subset, before] & self._cuts[before, board].open & (1 << start)
            )
            end = start


class _Runs(Protocol):
    """The runs of one device that a period allows."""

    def allow(self, period: float) -> float:
        """From now on that period; the next one at which there would be more runs."""

    def ends(self, starts: Bits) -> Bits:
        """All places at which runs from there can end."""


def _runs(line: Line, board: int) -> _Runs:
    paying = line.problem.boards[board].pays_for_bytes
    return _PayingRuns(line, board) if paying else _PlainRuns(line, board)


class _PlainRuns:
    """Where bytes cost a device nothing, it gets from every place to all others up to one."""

    def __init__(self, line: Line, board: int):
        self._until, self._stops = line.until[board], line.stops[board]
        self._extra = line.paid_always[board]
        self._slack = line.slack[board]
        self._reach = self._stops
        self._able: Bits = 0

    def allow(self, period: float) -> float:
        until, after, reach = self._until, math.inf, list(self._stops)
        end, allowed = 0, period + self._slack - self._extra
        if allowed < 0:
            self._able = 0
            return self._extra
        for place, stop in enumerate(self._stops):
            limit = until[place] + allowed
            if until[stop] > limit:
                end = max(end, place)
                while until[end + 1] <= limit:
                    end += 1
                reach[place] = end
                after = min(after, until[end + 1] - until[place])
        self._reach = reach
        self._able = sum(1 << place for place, end in enumerate(reach) if end > place)
        return after + self._extra

    def ends(self, starts: Bits) -> Bits:
        """Starts in a row are one step, as each of them gets one further at least.

        Together they cover all behind the first of them, up to where the last one gets.
        """
        starts &= self._able
        ends = 0
        while starts:
            first = starts & -starts
            carried = starts + first
            last = (starts & ~carried).bit_length() - 1
            ends |= (2 << self._reach[last]) - (first << 1)
            starts &= carried
        return ends


class _PayingRuns:
    """Where it pays for bytes, a run that is longer may cost less."""

    def __init__(self, line: Line, board: int):
        until, self._stops = line.until[board], line.stops[board]
        ends = [done + paid for done, paid in zip(until, line.paid_at_end[board], strict=True)]
        order = sorted(range(1, line.length + 1), key=lambda place: ends[place])
        self._keys = [ends[place] for place in order]
        self._masks = list(accumulate((1 << p for p in order), int.__or__, initial=0))
        extra = line.paid_always[board]
        paid = line.paid_at_start[board]
        self._given = [done - p - extra for done, p in zip(until, paid, strict=True)]
        self._slack = line.slack[board]
        self._from: list[Bits] = [0] * (line.length + 1)

    def allow(self, period: float) -> float:
        after = math.inf
        for place, given in enumerate(self._given[:-1]):
            count = bisect_right(self._keys, given + period + self._slack)
            if count < len(self._keys):
                after = min(after, self._keys[count] - given)
            between = (2 << self._stops[place]) - (2 << place)
            self._from[place] = self._masks[count] & between
        return after

    def ends(self, starts: Bits) -> Bits:
        ends = 0
        while starts:
            first = starts & -starts
            ends |= self._from[first.bit_length() - 1]
            starts ^= first
        return ends


class _Cuts:
    """Where a period lets what crosses go from one device to another."""

    def __init__(self, line: Line, source: int, target: int):
        priced = sorted((line.crossing(source, target, p), p) for p in range(1, line.length))
        possible = [(cost, place) for cost, place in priced if cost < math.inf]
        self._costs = [cost for cost, _ in possible]
        self._masks = list(accumulate((1 << p for _, p in possible), int.__or__, initial=0))
        self.open: Bits = 0

    def allow(self, period: float) -> float:
        """From now on that period; the next one at which there would be more places."""
        cheap = bisect_right(self._costs, period)
        self.open = self._masks[cheap]
        return self._costs[cheap] if cheap < len(self._costs) else math.inf
