"""Placements with copies that lie near another: one device, one unit or one cut is different."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from edgechain.plan.copies import Teams
from edgechain.plan.score import Owner
from edgechain.spec.problem import Problem

State = tuple[Owner, Teams]
"""For every unit its stage, by the name of one of its devices, and all devices of each stage."""


def beside(problem: Problem, state: State) -> Iterator[State]:
    """All that lie near; some may not be allowed."""
    yield from _other_teams(problem, state)
    yield from _swapped(state)
    yield from _joined(problem, state)
    yield from _other_owners(problem, state)


def _other_teams(problem: Problem, state: State) -> Iterator[State]:
    """A device that is unused, or one of several, is unused or in another stage."""
    _, teams = state
    for board in spare(problem, teams):
        owner, rest = without(state, board)
        if any(board in team for team in teams.values()):
            yield owner, rest
        for stage, team in rest.items():
            yield owner, {**rest, stage: (*team, board)}


def _swapped(state: State) -> Iterator[State]:
    """Two devices in each other's stage."""
    owner, teams = state
    for one, other in combinations(sorted(teams), 2):
        for a in teams[one]:
            for b in teams[other]:
                new = {a: b, b: a}
                swapped = {
                    new.get(stage, stage): tuple(new.get(board, board) for board in team)
                    for stage, team in teams.items()
                }
                yield [new.get(stage, stage) for stage in owner], swapped


def _joined(problem: Problem, state: State) -> Iterator[State]:
    """Two stages, one of which reads the other, as one on all devices of both."""
    owner, teams = state
    pairs = {(owner[u], owner[r]) for u, rs in enumerate(problem.readers) for r in rs}
    for source, target in sorted(pairs):
        if source != target:
            rest = {stage: team for stage, team in teams.items() if stage != target}
            rest[source] = (*teams[source], *teams[target])
            yield [source if stage == target else stage for stage in owner], rest


def _other_owners(problem: Problem, state: State) -> Iterator[State]:
    """One unit where one is that it reads or that reads it, or alone on a spare device."""
    owner, teams = state
    freed = [(board, without(state, board)) for board in spare(problem, teams)]
    for unit, (reads, readers) in enumerate(zip(problem.reads, problem.readers, strict=True)):
        near = {owner[other] for other in (*reads, *readers)} - {owner[unit]}
        for stage in sorted(near):
            yield _moved(owner, teams, unit, stage)
        if near or len(teams) == 1:
            for board, (others, rest) in freed:
                yield _moved(others, rest, unit, board)


def _moved(owner: Owner, teams: Teams, unit: int, stage: int) -> State:
    """The same with a unit elsewhere; a new stage has the device that it is called by."""
    found = [*owner[:unit], stage, *owner[unit + 1 :]]
    return found, {name: teams.get(name, (name,)) for name in sorted(set(found))}


def spare(problem: Problem, teams: Teams) -> list[int]:
    """Devices that no stage needs: unused, or one of several."""
    needed = {team[0] for team in teams.values() if len(team) == 1}
    return [board for board in range(len(problem.boards)) if board not in needed]


def without(state: State, board: int) -> tuple[Owner, dict[int, tuple[int, ...]]]:
    """The same without a spare device; a stage that it gave its name is called by another."""
    owner, teams = state
    left = {stage: tuple(one for one in team if one != board) for stage, team in teams.items()}
    return [left[stage][0] for stage in owner], {team[0]: team for team in left.values()}
