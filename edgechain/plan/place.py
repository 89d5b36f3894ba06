"""The best placement of units on unlike devices, and a bound that no placement can beat.

Chains are solved exactly, but for what links that share a medium carry together. Other graphs are
tried in several ways: as a chain of what crosses between neighbours of their order, as one of what
lies between single tensors, and coarsened, searched and improved again; those that are not large
are then searched to the end. ``lower_bound`` is proved in any case. Where outputs may cross packed
several such problems are solved (``plan.packing``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import lower_bound
from edgechain.plan.chains import MAX_BOARDS, fastest_period, shortest_way
from edgechain.plan.downsets import bound_of_downsets
from edgechain.plan.multilevel import coarsen, improve, in_a_row, spread
from edgechain.plan.packing import place_packed
from edgechain.plan.score import Found, Owner, placement, quickest_owner, score
from edgechain.plan.search import MOST_NODES, best_owner
from edgechain.plan.stages import in_stages_only, with_more_stages
from edgechain.spec.plan import SAME, Placement
from edgechain.spec.problem import Board, Objective, Problem

COARSE_UNITS = 14
"""So few are searched to the end on six devices within a second."""

COARSE_NODES = 30_000

SEARCHED_UNITS = 64
"""More are not searched one by one, if something is found: it takes seconds and finds nothing."""


SLOWER = (2.0, 4.0, 16.0)
"""So much slower links that share a medium are taken to be, to see who would use them less."""


def place(problem: Problem, objective: Objective) -> Placement:
    """The best that was found. Raises ``CannotPlace`` where nothing fits.

    A device has one share, or several if the problem says so and that is better.
    """
    check(problem)
    return place_packed(problem, objective, partial(_place_staged, objective=objective))


def _place_staged(problem: Problem, objective: Objective) -> Placement:
    if not problem.several_stages:
        return _place(problem, objective)
    try:
        found = _place(problem, objective)
    except CannotPlace:
        if (staged := in_stages_only(problem, objective)) is None:
            raise
        return staged
    return with_more_stages(problem, found)


def _place(problem: Problem, objective: Objective) -> Placement:
    if problem.is_chain and len(problem.boards) <= MAX_BOARDS:
        found = _solved(problem, objective)
        if found.owner is None:
            raise CannotPlace("nothing fits: no devices have the memory and the links for it")
        best = placement(problem, found.owner, objective, found.bound)
        return best if best.is_exact else _place_graph(problem, objective, found.bound)
    return _place_graph(problem, objective, _bound_of_row(problem, objective))


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
        needed = unit.memory_bytes + unit.working_bytes
        if all(_room(board) < needed for board in able):
            size = f"{needed:,} bytes"
            raise CannotPlace(f"unit {unit.name} needs {size}; no device that can run it has them")
    need, room = sum(u.memory_bytes for u in problem.units), sum(map(_room, problem.boards))
    if need > room:
        raise CannotPlace(f"all units need {need:,} bytes; all devices together have {room:,.0f}")


def _room(board: Board) -> float:
    return math.inf if board.memory_bytes is None else board.memory_bytes


def _boards(problem: Problem) -> range:
    return range(len(problem.boards))


def _place_graph(problem: Problem, objective: Objective, bound: float) -> Placement:
    bound = max(lower_bound(problem, objective), bound)
    best, owner = math.inf, None
    for candidate in candidates(problem, objective):
        value, allowed = _tried(problem, objective, candidate)
        if value < best:
            best, owner = value, allowed
        if best <= bound * SAME:
            break
    else:
        if objective is Objective.THROUGHPUT:
            bound = max(bound, bound_of_downsets(problem))
        large = len(problem.units) > SEARCHED_UNITS and owner is not None
        most = 0 if large or best <= bound * SAME else MOST_NODES
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
    row = [
        replace(unit, inputs=reads, request_bytes=0, result_bytes=0)
        for unit, reads in zip(units, before, strict=True)
    ]
    row[0] = replace(row[0], request_bytes=units[0].request_bytes)
    row[-1] = replace(row[-1], result_bytes=units[-1].result_bytes)
    return _solved(replace(problem, units=tuple(row)), objective).bound


def _tried(problem: Problem, objective: Objective, owner: Owner) -> tuple[float, Owner | None]:
    try:
        return score(problem, owner).value(objective), owner
    except CannotPlace:
        return math.inf, None


def candidates(problem: Problem, objective: Objective) -> Iterator[Owner]:
    """Owners worth a look, the simple ones first; some may not be allowed."""
    for board in _boards(problem):
        yield [board] * len(problem.units)
    yield quickest_owner(problem)
    few = len(problem.boards) <= MAX_BOARDS
    row = in_a_row(problem) if few else None
    if row is not None and (owner := _solved(row.problem, objective).owner) is not None:
        yield spread(row, owner)
        yield from _improved(problem, objective, spread(row, owner))
    for chain in _dearer(as_chain(problem)) if few else ():
        if (owner := _solved(chain, objective).owner) is not None:
            yield owner
            yield from _improved(problem, objective, owner)
    yield from _from_coarse(problem, objective)


def _dearer(chain: Problem) -> Iterator[Problem]:
    """A chain, and where links share a medium also ones with slower links there.

    What all of them carry together is no question to a chain's solver; so it is asked to use them
    less.
    """
    yield chain
    media = {board.name for board in chain.boards if board.medium is not None}
    for factor in SLOWER if media and chain.wires is not None else ():
        yield replace(
            chain,
            wires=tuple(
                replace(wire, bytes_per_second=wire.bytes_per_second / factor)
                if media & {wire.source, wire.target}
                else wire
                for wire in chain.wires or ()
            ),
        )


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
    sends it straight to who wants it. All that the client hands in goes to its first unit, and all
    that the client gets comes from its last one.
    """
    units = []
    for place, unit in enumerate(problem.units):
        crossing = sum(
            problem.units[other].output_bytes
            for other in range(place + 1)
            if any(reader > place for reader in problem.readers[other])
        )
        before = (problem.units[place - 1].name,) if place else ()
        units.append(
            replace(unit, inputs=before, output_bytes=crossing, request_bytes=0, result_bytes=0)
        )
    requests = sum(unit.request_bytes for unit in problem.units)
    results = sum(unit.result_bytes for unit in problem.units)
    units[0] = replace(units[0], request_bytes=requests)
    units[-1] = replace(units[-1], result_bytes=results)
    return replace(problem, units=tuple(units))
