"""Chains: every unit reads the one before it, so every device holds a run of them. Exact.

Throughput asks for the smallest period for which the devices, in whatever order, reach the end.
For a period that is given, the furthest that every set of devices gets follows from the furthest
of the sets with one device less, where sending is free; where it is not, it is the set of all
places that each set can reach, with the device that comes last, for a cut further on may be a
dearer one. A period that does not do also names the next one at which anything would change, so
that the search ends with a proof and not with a tolerance.

Latency asks for the shortest way over the same sets. A run that is too large for a device's memory
is left out by a window that moves along (a monotone queue, as in sliding-window minima).

The parametric search over a bottleneck is the classic one for the chains-on-chains problem (Pinar
and Aykanat, "Fast optimal load balancing algorithms for 1D partitioning", 2004, there for devices
in a given order); sets of devices are Held and Karp's.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate

from edgechain.plan.bounds import least_seconds
from edgechain.plan.score import Found, Owner
from edgechain.spec.problem import Problem

MAX_BOARDS = 12
"""4,096 sets of devices; beyond that the sets are too many."""

_SLACK = 1e-12
"""Of all work on a device: so much may sums of the same numbers in another order differ."""


class Line:
    """A chain, made ready for questions about runs of it on each device."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.length = len(problem.units)
        self.boards = range(len(problem.boards))
        self.until = [_until(seconds) for seconds in problem.seconds]
        """By device: work of all units before a place; what it cannot run counts as nothing."""
        self.slack = [_SLACK * until[-1] for until in self.until]
        self._memory = list(accumulate((u.memory_bytes for u in problem.units), initial=0))
        self.stops = [self._stops(board) for board in self.boards]
        """By device, for every place: how far a run from there can go, whatever it takes."""
        self.subsets = sorted(range(1, 1 << len(problem.boards)), key=int.bit_count)
        """Sets of devices as bits, the small ones first."""

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

    def work(self, board: int, start: int, end: int) -> float:
        """Seconds of the units from ``start`` to before ``end``."""
        return self.until[board][end] - self.until[board][start]

    def crossing(self, source: int, target: int, place: int) -> float:
        """Seconds of what crosses there; infinite without a link."""
        wires = self.problem.wire
        if wires is None:
            return 0.0
        wire = wires[source][target]
        size = self.problem.units[place - 1].output_bytes
        return math.inf if wire is None else wire.carries(size)


def fastest_period(problem: Problem) -> Found:
    """The owner with the smallest period; of those one with the fewest devices."""
    line = Line(problem)
    trial = _FreeTrial(line) if problem.wire is None else _WiredTrial(line)
    owner = trial.run(math.inf)
    if owner is None:
        return Found(None, math.inf)
    low, high = _least(line), _period(line, owner)
    period = low
    while low < high * (1 - 1e-11):
        better = trial.run(period)
        if better is None:
            low = trial.next_period
        else:
            owner, high = better, min(_period(line, better), period)
        period = (low + high) / 2 if high < 4 * low else math.sqrt(low * high)
    return Found(owner, min(low, high))


def shortest_way(problem: Problem, most_period: float = math.inf) -> Found:
    """The owner with the smallest latency among those with no longer period than that."""
    return _Way(Line(problem), most_period).find()


def _until(seconds: Sequence[float]) -> list[float]:
    return list(accumulate((s if s < math.inf else 0.0 for s in seconds), initial=0.0))


def _least(line: Line) -> float:
    """A period below which nothing goes: the largest unit, and all of them shared by all."""
    quickest = least_seconds(line.problem)
    return max(*quickest, math.fsum(quickest) / len(line.boards) * (1 - _SLACK))


def _period(line: Line, owner: Owner) -> float:
    """The largest work or transfer of an owner of runs."""
    ends = [place for place in range(1, line.length) if owner[place] != owner[place - 1]]
    ends.append(line.length)
    period, start = 0.0, 0
    for end in ends:
        period = max(period, line.work(owner[start], start, end))
        if start:
            period = max(period, line.crossing(owner[start - 1], owner[start], start))
        start = end
    return period


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
                limit = until[start] + period + line.slack[board]
                if until[end] > limit:
                    end = bisect_right(until, limit, start, end) - 1
                    after = min(after, until[end + 1] - until[start])
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
    """Whether a period will do where links take time.

    For every set of devices and the one of them that comes last: the places up to which they can
    have everything done.
    """

    def __init__(self, line: Line):
        self._line = line
        self.next_period = math.inf
        self._cuts = {(a, b): _Cuts(line, a, b) for a in line.boards for b in line.boards if a != b}

    def run(self, period: float) -> Owner | None:
        """An owner with no longer period."""
        line = self._line
        self.next_period = math.inf
        reach = [self._reach(board, period) for board in line.boards]
        able = [_bits(p for p, end in enumerate(ends) if end > p) for ends in reach]
        cuts = {ends: self._open(ends, period) for ends in self._cuts}
        done = 1 << line.length
        reached: dict[tuple[int, int], Bits] = {}
        for subset in line.subsets:
            for board in line.boards:
                if not subset >> board & 1:
                    continue
                starts = self._starts(subset, board, reached, cuts) & able[board]
                ends = _spread(starts, reach[board])
                reached[subset, board] = ends
                if ends & done:
                    return self._owner(subset, board, reached, cuts, reach)
        return None

    def _starts(
        self,
        subset: int,
        board: int,
        reached: dict[tuple[int, int], Bits],
        cuts: dict[tuple[int, int], Bits],
    ) -> Bits:
        rest = subset ^ (1 << board)
        if not rest:
            return 1
        starts = 0
        for before in self._line.boards:
            if rest >> before & 1:
                starts |= reached[rest, before] & cuts[before, board]
        return starts

    def _reach(self, board: int, period: float) -> list[int]:
        """For every place, how far a run from there gets."""
        line = self._line
        until, stops = line.until[board], line.stops[board]
        reach, after = list(stops), self.next_period
        end, allowed = 0, period + line.slack[board]
        for place, stop in enumerate(stops):
            limit = until[place] + allowed
            if until[stop] > limit:
                end = max(end, place)
                while until[end + 1] <= limit:
                    end += 1
                reach[place] = end
                after = min(after, until[end + 1] - until[place])
        self.next_period = after
        return reach

    def _open(self, ends: tuple[int, int], period: float) -> Bits:
        cuts = self._cuts[ends]
        cheap = bisect_right(cuts.costs, period)
        if cheap < len(cuts.costs):
            self.next_period = min(self.next_period, cuts.costs[cheap])
        return cuts.masks[cheap]

    def _owner(
        self,
        subset: int,
        board: int,
        reached: dict[tuple[int, int], Bits],
        cuts: dict[tuple[int, int], Bits],
        reach: list[list[int]],
    ) -> Owner:
        owner, end = [0] * self._line.length, self._line.length
        while True:
            starts = self._starts(subset, board, reached, cuts)
            start = next(p for p in range(end) if starts >> p & 1 and reach[board][p] >= end)
            owner[start:end] = [board] * (end - start)
            subset ^= 1 << board
            if not subset:
                return owner
            board = next(
                before
                for before in self._line.boards
                if subset >> before & 1
                and reached[subset, before] & cuts[before, board] & (1 << start)
            )
            end = start


class _Cuts:
    """What crosses at every place from one device to another, the cheap places first."""

    def __init__(self, line: Line, source: int, target: int):
        priced = sorted((line.crossing(source, target, p), p) for p in range(1, line.length))
        open_ = [(cost, place) for cost, place in priced if cost < math.inf]
        self.costs = [cost for cost, _ in open_]
        self.masks = list(accumulate((1 << p for _, p in open_), int.__or__, initial=0))
        """How many of the cheapest, as bits."""


def _bits(places: Iterable[int]) -> Bits:
    return sum(1 << place for place in places)


def _spread(starts: Bits, reach: Sequence[int]) -> Bits:
    """All places that runs from ``starts`` can end at, each of which gets one further at least.

    Starts in a row are one step: together they cover everything behind the first of them, up to
    where the last one gets.
    """
    ends = 0
    while starts:
        first = starts & -starts
        carried = starts + first
        last = (starts & ~carried).bit_length() - 1
        ends |= (2 << reach[last]) - (first << 1)
        starts &= carried
    return ends


class _Way:
    """The shortest way of one request, over sets of devices and the one that comes last."""

    def __init__(self, line: Line, most_period: float):
        self._line = line
        self._most = most_period
        self._best: dict[tuple[int, int], list[float]] = {}
        self._start: dict[tuple[int, int], list[int]] = {}

    def find(self) -> Found:
        """The best of all sets; of equal ones the smallest."""
        line, least, chosen = self._line, math.inf, None
        for subset in line.subsets:
            for board in line.boards:
                if subset >> board & 1:
                    self._extend(subset, board)
                    if self._best[subset, board][-1] < least * (1 - _SLACK):
                        least, chosen = self._best[subset, board][-1], (subset, board)
        if chosen is None:
            return Found(None, math.inf)
        return Found(self._owner(*chosen), least * (1 - _SLACK))

    def _before(self, subset: int, board: int, place: int) -> tuple[float, int]:
        """Seconds until what ``board`` needs from that place on is there, and who sends it."""
        rest = subset ^ (1 << board)
        if not rest:
            return (0.0 if place == 0 else math.inf), board
        if place == 0:
            return math.inf, board
        return min(
            (self._best[rest, before][place] + self._crossing(before, board, place), before)
            for before in self._line.boards
            if rest >> before & 1
        )

    def _crossing(self, source: int, target: int, place: int) -> float:
        seconds = self._line.crossing(source, target, place)
        return seconds if seconds <= self._most else math.inf

    def _extend(self, subset: int, board: int) -> None:
        """Fill in what a set comes to when ``board`` is the last."""
        line = self._line
        until, stops = line.until[board], line.stops[board]
        allowed = self._most + line.slack[board]
        best, start = [math.inf] * (line.length + 1), [0] * (line.length + 1)
        window: deque[tuple[float, int]] = deque()
        for end in range(1, line.length + 1):
            key = self._before(subset, board, end - 1)[0] - until[end - 1]
            while window and window[-1][0] >= key:
                window.pop()
            window.append((key, end - 1))
            while window and (
                stops[window[0][1]] < end or until[end] - until[window[0][1]] > allowed
            ):
                window.popleft()
            if window:
                best[end], start[end] = window[0][0] + until[end], window[0][1]
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
