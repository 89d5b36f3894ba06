"""The best placement of units on unlike devices, and a bound that no placement can beat.

Chains are solved exactly. Other graphs are tried in several ways: as a chain of what crosses
between neighbours of their order, as one of what lies between single tensors, and coarsened,
searched and improved again; those that are not large are then searched to the end.
``lower_bound`` is proved in any case.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import lower_bound
from edgechain.plan.chains import MAX_BOARDS, fastest_period, shortest_way
from edgechain.plan.multilevel import coarsen, improve, in_a_row, spread
from edgechain.plan.score import Found, Owner, placement, score
from edgechain.plan.search import MOST_NODES, best_owner
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Objective, Problem, Unit

COARSE_UNITS = 14
"""So few are searched to the end on six devices within a second."""

COARSE_NODES = 30_000

SEARCHED_UNITS = 64
"""More are not searched one by one, if something is found: it takes seconds and finds nothing."""


def place(problem: Problem, objective: Objective) -> Placement:
    """The best that was found. Raises ``CannotPlace`` where nothing fits."""
    check(problem)
    if problem.is_chain and len(problem.boards) <= MAX_BOARDS:
        found = _solved(problem, objective)
        if found.owner is None:
            raise CannotPlace("nothing fits: no devices have the memory and the links for it")
        return placement(problem, found.owner, objective, found.bound)
    return _place_graph(problem, objective)


def alone(problem: Problem, objective: Objective, bound: float) -> Placement | None:
    """Everything on the one device that does it best, beside a bound; ``None`` where none can."""
    tried = (_tried(problem, objective, [b] * len(problem.units)) for b in _boards(problem))
    value, owner = min(tried, key=lambda one: one[0])
    if owner is None or value == math.inf:
        return None
    return placement(problem, owner, objective, bound)


def check(problem: Problem) -> None:
    """Refuse what can never be placed, by name. Raises ``CannotPlace``."""
    for unit in problem.units:
        able = [b for b in problem.boards if b.name in unit.seconds]
        if not able:
            raise CannotPlace(f"unit {unit.name}: no device can run it")
        if all(_room(board) < unit.memory_bytes for board in able):
            size = f"{unit.memory_bytes:,} bytes"
            raise CannotPlace(f"unit {unit.name} needs {size}; no device that can run it has them")
    need, room = sum(u.memory_bytes for u in problem.units), sum(map(_room, problem.boards))
    if need > room:
        raise CannotPlace(f"all units need {need:,} bytes; all devices together have {room:,.0f}")


def _room(board: Board) -> float:
    return math.inf if board.memory_bytes is None else board.memory_bytes


def _boards(problem: Problem) -> range:
    return range(len(problem.boards))


def _place_graph(problem: Problem, objective: Objective) -> Placement:
    bound = max(lower_bound(problem, objective), _bound_of_row(problem, objective))
    best, owner = math.inf, None
    for candidate in _candidates(problem, objective):
        value, allowed = _tried(problem, objective, candidate)
        if value < best:
            best, owner = value, allowed
        if best <= bound * (1 + 1e-9):
            break
    else:
        large = len(problem.units) > SEARCHED_UNITS and owner is not None
        most = 0 if large else MOST_NODES
        found = best_owner(problem, objective, below=best, most_nodes=most)
        owner, bound = found.owner or owner, max(bound, found.bound)
    if owner is None:
        raise CannotPlace("nothing was found that fits: memory or links are too few")
    return placement(problem, owner, objective, bound)


def _solved(chain: Problem, objective: Objective) -> Found:
    return fastest_period(chain) if objective is Objective.THROUGHPUT else shortest_way(chain)


def _bound_of_row(problem: Problem, objective: Objective) -> float:
    """The best of a chain that sends less, where every unit reads the one before it.

    Then there is a way through all units, so that a convex group can only be a run of them, and
    what is read besides (as around a residual block) makes nothing better.
    """
    units = problem.units
    in_a_row = all(place - 1 in reads for place, reads in enumerate(problem.reads) if place)
    if not in_a_row or len(problem.boards) > MAX_BOARDS:
        return 0.0
    before = [(), *((unit.name,) for unit in units[:-1])]
    row = tuple(replace(unit, inputs=b) for unit, b in zip(units, before, strict=True))
    return _solved(replace(problem, units=row), objective).bound


def _tried(problem: Problem, objective: Objective, owner: Owner) -> tuple[float, Owner | None]:
    try:
        return score(problem, owner).value(objective), owner
    except CannotPlace:
        return math.inf, None


def _candidates(problem: Problem, objective: Objective) -> Iterator[Owner]:
    """Owners worth a look, the simple ones first; some may not be allowed."""
    for board in _boards(problem):
        yield [board] * len(problem.units)
    few = len(problem.boards) <= MAX_BOARDS
    row = in_a_row(problem) if few else None
    if row is not None and (owner := _solved(row.problem, objective).owner) is not None:
        yield spread(row, owner)
        yield from _improved(problem, objective, spread(row, owner))
    if few and (owner := _solved(as_chain(problem), objective).owner) is not None:
        yield owner
        yield from _improved(problem, objective, owner)
    yield from _from_coarse(problem, objective)


def _improved(problem: Problem, objective: Objective, owner: Owner) -> Iterator[Owner]:
    if _tried(problem, objective, owner)[1] is not None:
        yield improve(problem, objective, owner)


def _from_coarse(problem: Problem, objective: Objective) -> Iterator[Owner]:
    levels = coarsen(problem, COARSE_UNITS)
    if not levels:
        return
    owner = best_owner(levels[-1].problem, objective, most_nodes=COARSE_NODES).owner
    if owner is None:
        return
    graphs = [problem, *(level.problem for level in levels)]
    for level, finer in zip(reversed(levels), reversed(graphs[:-1]), strict=True):
        owner = spread(level, owner)
        owner = improve(finer, objective, owner)
    yield owner


def as_chain(problem: Problem) -> Problem:
    """The same units in a row, every one sending all that crosses behind it.

    What such a chain comes to the graph comes to at most: it sends a tensor on, where the graph
    sends it straight to who wants it.
    """
    units = []
    for place, unit in enumerate(problem.units):
        crossing = sum(
            problem.units[other].output_bytes
            for other in range(place + 1)
            if any(reader > place for reader in problem.readers[other])
        )
        before = (problem.units[place - 1].name,) if place else ()
        units.append(Unit(unit.name, before, unit.seconds, unit.memory_bytes, crossing))
    return Problem(tuple(units), problem.boards, problem.wires, name=problem.name)
