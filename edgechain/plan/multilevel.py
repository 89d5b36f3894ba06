"""Large graphs: made small level by level, placed there, and improved on the way back.

Two units that are put together never leave a cycle behind: between neighbouring levels of the
graph (a unit's level is the longest path to it) there is no second way around. The scheme is that
of acyclic graph partitioning (Herrmann, Ozkaya, Ucar, Kaya and Catalyurek, "Multilevel algorithms
for acyclic partitioning of directed acyclic graphs", 2019). Nothing here is proved to be best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import least_seconds
from edgechain.plan.score import Owner, score
from edgechain.spec.problem import Objective, Problem, Unit

_PASSES = 8
"""Over all units on each level; the first ones bring most."""


@dataclass(frozen=True)
class Level:
    """A graph, and in which of its units each unit of the next finer one is."""

    problem: Problem
    within: tuple[int, ...]


def coarsen(problem: Problem, count: int) -> list[Level]:
    """Ever smaller graphs, each about half of the one before, down to ``count`` units."""
    levels: list[Level] = []
    while len(problem.units) > count:
        level = _halve(problem, max(count, len(problem.units) // 2))
        if len(level.problem.units) == len(problem.units):
            break
        levels.append(level)
        problem = level.problem
    return levels


def in_a_row(problem: Problem) -> Level | None:
    """A chain of what lies between places where one unit's output crosses and nothing else.

    ``None`` where there are no such parts, or nothing but such.
    """
    clusters = _Clusters(problem)
    first, reach = 0, -1
    for place, readers in enumerate(problem.readers[:-1]):
        last = max(readers, default=-1)
        if reach <= place < last:
            first = place + 1
        else:
            clusters.join(first, place + 1)
        reach = max(reach, last)
    return _level(problem, clusters) if 1 < len(clusters.members) < len(problem.units) else None


def improve(problem: Problem, objective: Objective, owner: Owner) -> Owner:
    """Move single units to where their neighbours are, as long as that helps."""
    best, value = list(owner), _value(problem, objective, owner)
    for _ in range(_PASSES):
        before = value
        for unit, board in list(_moves(problem, best)):
            old, best[unit] = best[unit], board
            try:
                moved = _value(problem, objective, best)
            except CannotPlace:
                best[unit] = old
                continue
            if moved < value:
                value = moved
            else:
                best[unit] = old
        if not value < before:
            break
    return best


def spread(level: Level, owner: Owner) -> Owner:
    """The owner of a coarse graph, for the finer one."""
    return [owner[coarse] for coarse in level.within]


def _value(problem: Problem, objective: Objective, owner: Sequence[int]) -> tuple[float, ...]:
    """What is to be small, then what else is nice to be."""
    found = score(problem, owner)
    other = next(o for o in Objective if o is not objective)
    return (
        round(found.value(objective), 12),
        float(len(set(owner))),
        round(found.value(other), 12),
    )


def _moves(problem: Problem, owner: Owner) -> Iterator[tuple[int, int]]:
    """Units beside another device, with it, and units that could have a device for themselves."""
    unused = [b for b in range(len(problem.boards)) if b not in set(owner)]
    for unit, (reads, readers) in enumerate(zip(problem.reads, problem.readers, strict=True)):
        near = {owner[other] for other in (*reads, *readers)} - {owner[unit]}
        for board in (*sorted(near), *(unused if near or len(set(owner)) == 1 else ())):
            yield unit, board


class _Clusters:
    """Units put together, with what they read and what reads them."""

    def __init__(self, problem: Problem):
        self.problem = problem
        count = range(len(problem.units))
        self.members = {unit: [unit] for unit in count}
        self.reads = {unit: set(problem.reads[unit]) for unit in count}
        self.readers = {unit: set(problem.readers[unit]) for unit in count}
        self.work = dict(enumerate(least_seconds(problem)))
        self._mean = sum(u.output_bytes for u in problem.units) / len(problem.units) or 1.0

    def levels(self) -> dict[int, int]:
        """The longest path to each, in steps."""
        found: dict[int, int] = {}
        waits = {cluster: len(reads) for cluster, reads in self.reads.items()}
        free = [cluster for cluster, count in waits.items() if not count]
        for cluster in free:
            reads = self.reads[cluster]
            found[cluster] = 1 + max((found[read] for read in reads), default=-1)
            for reader in self.readers[cluster]:
                waits[reader] -= 1
                if not waits[reader]:
                    free.append(reader)
        return found

    def cheapest(self) -> tuple[int, int] | None:
        """The two that should be together most: little work, many bytes."""
        level = self.levels()
        edges = [
            (self._price(source, target), source, target)
            for source, targets in self.readers.items()
            for target in targets
            if level[target] == level[source] + 1 and self._may_meet(source, target)
        ]
        return min(edges)[1:] if edges else None

    def _price(self, source: int, target: int) -> float:
        readers = self.members_of(target)
        size = sum(
            self.problem.units[unit].output_bytes
            for unit in self.members[source]
            if not readers.isdisjoint(self.problem.readers[unit])
        )
        return (self.work[source] + self.work[target]) / (1 + size / self._mean)

    def members_of(self, cluster: int) -> set[int]:
        """The units of a cluster."""
        return set(self.members[cluster])

    def _may_meet(self, source: int, target: int) -> bool:
        """Whether some device can run both."""
        units = (*self.members[source], *self.members[target])
        return any(
            all(seconds[unit] < float("inf") for unit in units) for seconds in self.problem.seconds
        )

    def join(self, source: int, target: int) -> None:
        """Put them together, under the name of ``source``."""
        self.members[source] += self.members.pop(target)
        self.work[source] += self.work.pop(target)
        for read in self.reads.pop(target) - {source}:
            self.readers[read].discard(target)
            self.readers[read].add(source)
            self.reads[source].add(read)
        for reader in self.readers.pop(target):
            self.reads[reader].discard(target)
            self.reads[reader].add(source)
            self.readers[source].add(reader)
        self.readers[source].discard(target)


def _halve(problem: Problem, count: int) -> Level:
    clusters = _Clusters(problem)
    while len(clusters.members) > count:
        if (pair := clusters.cheapest()) is None:
            break
        clusters.join(*pair)
    return _level(problem, clusters)


def _level(problem: Problem, clusters: _Clusters) -> Level:
    units = tuple(_together(problem, clusters, name) for name in sorted(clusters.members))
    coarse = Problem(units, problem.boards, problem.wires, name=problem.name)
    within = [0] * len(problem.units)
    for name, members in clusters.members.items():
        for unit in members:
            within[unit] = coarse.index[str(name)]
    return Level(coarse, tuple(within))


def _together(problem: Problem, clusters: _Clusters, name: int) -> Unit:
    """One unit in place of several; it sends what any other one wants to all that want any."""
    members = clusters.members_of(name)
    units = [problem.units[unit] for unit in sorted(members)]
    able = set.intersection(*(set(unit.seconds) for unit in units))
    return Unit(
        str(name),
        tuple(str(read) for read in sorted(clusters.reads[name])),
        {board: sum(unit.seconds[board] for unit in units) for board in able},
        sum(unit.memory_bytes for unit in units),
        sum(
            problem.units[unit].output_bytes
            for unit in members
            if not members.issuperset(problem.readers[unit])
        ),
        sum(unit.request_bytes for unit in units),
        sum(unit.result_bytes for unit in units),
        max(unit.working_bytes for unit in units),
    )
