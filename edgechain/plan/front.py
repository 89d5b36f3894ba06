"""Placements of which no other has both a smaller period and a smaller latency: a Pareto front.

For a chain they are found by asking for the smallest latency that a period allows, with ever other
periods (the epsilon constraint of Haimes, Lasdon and Wismer, 1971), and each of them is proved to
be on the front. For other graphs, and where links share a medium, they are what is best among all
that the planner looks at. Every device has one stage here, even where it may have several, and
nothing crosses packed, even where it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from edgechain.errors import CannotPlace
from edgechain.plan.capped import CappedWay
from edgechain.plan.chains import fastest_period
from edgechain.plan.line import Line
from edgechain.plan.multilevel import in_a_row, spread
from edgechain.plan.packed import without_packing
from edgechain.plan.place import as_chain, candidates, place
from edgechain.plan.score import Owner, owner_of, score
from edgechain.spec.plan import SAME
from edgechain.spec.problem import Objective, Problem

MOST_POINTS = 12
MOST_BOARDS = 10

MOST_STEPS = 4e8
"""Of one search in a chain: half a second. Longer ones are looked at as other graphs are."""


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """An owner, and what it comes to."""

    period: float
    latency: float
    owner: Owner = field(compare=False)


@dataclass(frozen=True, slots=True)
class Front:
    """Points by their period, and whether there are others; ``is_proved``: no plan beats one."""

    points: tuple[Point, ...]
    has_more: bool
    is_proved: bool


def front(problem: Problem, most: int = MOST_POINTS) -> Front:
    """At most so many points, the two ends among them. Raises ``CannotPlace``: nothing fits."""
    problem = replace(without_packing(problem), several_stages=False)
    if is_solved(problem) and not problem.media:
        walk = _Walk(problem, most)
        return Front(walk.points(), walk.has_more(), is_proved=True)
    every = undominated(_visited(problem))
    return Front(_thinned(every, most), len(every) > most, is_proved=False)


def is_solved(problem: Problem) -> bool:
    """Whether its front is found, but for media: a chain, not too long, on not too many devices."""
    units, boards = len(problem.units), len(problem.boards)
    return problem.is_chain and boards <= MOST_BOARDS and boards * units**2 * 2**boards < MOST_STEPS


def undominated(points: Iterable[Point]) -> list[Point]:
    """Those that no other one beats or equals, by their period; rounding beats nobody."""
    found: list[Point] = []
    for point in sorted(points):
        if not found or point.latency * SAME < found[-1].latency:
            found.append(point)
    return found


class _Walk:
    """Points of one chain's front, the largest gap between neighbours looked at first."""

    def __init__(self, problem: Problem, most: int):
        self._problem, self._most = problem, most
        self._way = CappedWay(Line(problem))
        self._gaps: list[tuple[Point, Point]] = []

    def points(self) -> tuple[Point, ...]:
        """The ends, and as many between them as there may be."""
        first, last = self._ends()
        found = {first.period: first}
        if last.latency * SAME < first.latency:
            found[last.period] = last
            self._gaps.append((first, last))
        while self._gaps and len(found) < self._most:
            gap = max(self._gaps, key=lambda ends: ends[1].period - ends[0].period)
            self._gaps.remove(gap)
            if (point := self._between(*gap)) is not None:
                found[point.period] = point
        return tuple(sorted(found.values()))

    def has_more(self) -> bool:
        """Whether there is any in the gaps that are left."""
        between = ((first, self._below(last)) for first, last in self._gaps)
        return any(
            point is not None and point.latency * SAME < first.latency for first, point in between
        )

    def _ends(self) -> tuple[Point, Point]:
        owner = fastest_period(self._problem).owner
        if owner is None:
            raise CannotPlace("nothing fits: no devices have the memory and the links for it")
        fastest = self._point(owner)
        shortest = self._best(float("inf")) or fastest
        return self._best(fastest.period) or fastest, self._tightened(shortest)

    def _between(self, first: Point, last: Point) -> Point | None:
        """A point between two, if there is any; what is left to be looked at becomes a gap."""
        middle = self._best((first.period + last.period) / 2)
        if middle is not None and middle.latency * SAME < first.latency:
            point = self._tightened(middle)
            self._gaps += [(first, point), (point, last)]
            return point
        below = self._below(last)
        if below is None or below.latency * SAME >= first.latency:
            return None
        self._gaps.append((first, below))
        return below

    def _below(self, point: Point) -> Point | None:
        """The next one with a smaller period, if there is any."""
        found = self._quicker(point)
        return None if found is None else self._tightened(found)

    def _tightened(self, point: Point) -> Point:
        """The same latency with the smallest period."""
        while True:
            better = self._quicker(point)
            if better is None or better.latency > point.latency * SAME:
                return point
            point = better

    def _quicker(self, point: Point) -> Point | None:
        """The smallest latency with a period that is smaller by more than rounding, if any is."""
        found = self._best(point.period / SAME)
        return found if found is not None and found.period < point.period else None

    def _best(self, period: float) -> Point | None:
        owner = self._way.find(period)
        return None if owner is None else self._point(owner)

    def _point(self, owner: Owner) -> Point:
        found = score(self._problem, owner)
        return Point(found.period, found.latency, owner)


def _visited(problem: Problem) -> Iterator[Point]:
    """What the planner looks at for either objective, and the fronts of chains that are like it."""
    for owner in _owners(problem):
        try:
            found = score(problem, owner)
        except CannotPlace:
            continue
        yield Point(found.period, found.latency, owner)


def _owners(problem: Problem) -> Iterator[Owner]:
    for objective in Objective:
        yield owner_of(place(problem, objective).shares)
        yield from candidates(problem, objective)
    yield from _front_owners(as_chain(problem))
    if (row := in_a_row(problem)) is not None:
        yield from (spread(row, owner) for owner in _front_owners(as_chain(row.problem)))


def _front_owners(chain: Problem) -> Sequence[Owner]:
    """Those of a chain in which no medium is shared."""
    if not is_solved(chain):
        return ()
    chain = replace(chain, boards=tuple(replace(board, medium=None) for board in chain.boards))
    try:
        return [point.owner for point in front(chain).points]
    except CannotPlace:
        return ()


def _thinned(points: Sequence[Point], most: int) -> tuple[Point, ...]:
    """The ends, and others evenly between them."""
    if len(points) <= most:
        return tuple(points)
    return tuple(points[round(at * (len(points) - 1) / (most - 1))] for at in range(most))
