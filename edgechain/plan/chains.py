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

from edgechain.plan.bounds import least_seconds
from edgechain.plan.line import SLACK, Line
from edgechain.plan.score import Found, Owner
from edgechain.plan.trials import trial_of
from edgechain.plan.ways import ShortestWay
from edgechain.spec.problem import Problem

MAX_BOARDS = 12
"""4,096 sets of devices; beyond that the sets are too many."""


def fastest_period(problem: Problem) -> Found:
    """The owner with the smallest period; of those one with the fewest devices."""
    line = Line(problem)
    trial = trial_of(line)
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


def shortest_way(problem: Problem) -> Found:
    """The owner with the smallest latency; of those one with the fewest devices."""
    return ShortestWay(Line(problem)).find()


def _least(line: Line) -> float:
    """A period below which nothing goes: the largest unit, and all of them shared by all."""
    quickest = least_seconds(line.problem)
    return max(*quickest, math.fsum(quickest) / len(line.boards) * (1 - SLACK))


def _period(line: Line, owner: Owner) -> float:
    """The largest work or transfer of an owner of runs."""
    ends = [place for place in range(1, line.length) if owner[place] != owner[place - 1]]
    ends.append(line.length)
    period, start = max(line.from_client[owner[0]], line.to_client[owner[-1]]), 0
    for end in ends:
        period = max(period, line.busy(owner[start], start, end))
        if start:
            period = max(period, line.crossing(owner[start - 1], owner[start], start))
        start = end
    return period
