"""Devices dealt to teams, each of which runs a stage like one faster device.

A team's time for a unit is 1 / sum(1 / seconds) of its members, its memory that of the smallest.
What a stage and its bytes cost is the mean of what its members pay for their shares of the
requests; a link between teams, or to the client, is as slow as the slowest of its links for the
requests that it carries; what links share is left out. For devices that are alike but for their
speed this is just what copies come to, for others about that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from edgechain.plan.copies import taken
from edgechain.spec.problem import Board, Problem, Wire

Team = tuple[int, ...]
"""Devices by their places."""


def teamings(problem: Problem, most: int) -> list[tuple[Team, ...]]:
    """Ways to deal all devices to teams, the fewest teams first; devices that are alike are one.

    At most so many ways for every number of devices: where there are more, teams that are large
    come first.
    """
    kinds = _kinds(problem)
    ways: list[tuple[Team, ...]] = [()]
    for board in sorted(range(len(kinds)), key=lambda board: kinds[board]):
        found: dict[object, tuple[Team, ...]] = {}
        for teams in ways:
            for grown in _with(teams, board):
                found.setdefault(_looks(grown, kinds), grown)
        ways = list(found.values())[:most]
    return sorted(ways, key=len)


def _with(teams: tuple[Team, ...], board: int) -> Iterator[tuple[Team, ...]]:
    """The device in each of the teams, and alone."""
    for place, team in enumerate(teams):
        yield (*teams[:place], (*team, board), *teams[place + 1 :])
    yield (*teams, (board,))


def _looks(teams: tuple[Team, ...], kinds: Sequence[int]) -> object:
    return tuple(sorted(tuple(sorted(kinds[board] for board in team)) for team in teams))


def _kinds(problem: Problem) -> list[int]:
    """For every device a number; those that do everything alike on like links have the same."""
    known: dict[object, int] = {}
    wires = problem.wires or ()
    found = []
    for number, board in enumerate(problem.boards):
        out = sorted((w.bytes_per_second, w.seconds) for w in wires if w.source == board.name)
        back = sorted((w.bytes_per_second, w.seconds) for w in wires if w.target == board.name)
        kind = (problem.kind(number), tuple(out), tuple(back))
        found.append(known.setdefault(kind, len(known)))
    return found


def as_devices(problem: Problem, teams: Sequence[Team]) -> Problem:
    """The same units, on one device for every team."""
    shares = [_shares(problem, team) for team in teams]
    names = [str(place) for place in range(len(teams))]
    units = tuple(
        replace(unit, seconds=dict(_together(problem, place, names, teams)))
        for place, unit in enumerate(problem.units)
    )
    boards = tuple(
        _board(problem, name, team, takes)
        for name, team, takes in zip(names, teams, shares, strict=True)
    )
    return Problem(units, boards, _wires(problem, teams, shares), name=problem.name)


def _shares(problem: Problem, team: Team) -> list[float]:
    """Of the requests that each member takes, by the work that all of them can do."""
    columns = zip(*(problem.seconds[board] for board in team), strict=True)
    able = [column for column in columns if max(column) < math.inf]
    return taken([math.fsum(column[at] for column in able) for at in range(len(team))])


def _together(
    problem: Problem, unit: int, names: Sequence[str], teams: Sequence[Team]
) -> Iterator[tuple[str, float]]:
    for name, team in zip(names, teams, strict=True):
        seconds = [problem.seconds[board][unit] for board in team]
        if max(seconds) < math.inf:
            yield name, 1 / sum(1 / one for one in seconds) if min(seconds) else 0.0


def _board(problem: Problem, name: str, team: Team, takes: Sequence[float]) -> Board:
    members = [(problem.boards[board], share) for board, share in zip(team, takes, strict=True)]
    rooms = [board.memory_bytes for board, _ in members if board.memory_bytes is not None]
    slowest = max(share / board.client_bytes_per_second for board, share in members)
    return Board(
        name,
        min(rooms, default=None),
        sum(board.stage_seconds * share for board, share in members) / len(team),
        sum(board.send_seconds * share for board, share in members) / len(team),
        sum(board.receive_seconds * share for board, share in members) / len(team),
        1 / slowest if slowest else math.inf,
        max(board.client_seconds * share for board, share in members),
    )


def _wires(
    problem: Problem, teams: Sequence[Team], shares: Sequence[Sequence[float]]
) -> tuple[Wire, ...] | None:
    if problem.wire is None:
        return None
    found = []
    for source, target in product(range(len(teams)), repeat=2):
        if source == target:
            continue
        carried = [
            (problem.wire[a][b], f * g)
            for a, f in zip(teams[source], shares[source], strict=True)
            for b, g in zip(teams[target], shares[target], strict=True)
        ]
        used = [(wire, share) for wire, share in carried if wire is not None]
        if len(used) == len(carried):
            found.append(_wire(source, target, used))
    return tuple(found)


def _wire(source: int, target: int, used: Sequence[tuple[Wire, float]]) -> Wire:
    slowest = max(share / wire.bytes_per_second for wire, share in used)
    rate = 1 / slowest if slowest else math.inf
    return Wire(str(source), str(target), rate, max(wire.seconds * share for wire, share in used))
