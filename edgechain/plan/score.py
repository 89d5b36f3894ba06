"""What a placement comes to: period, latency, and what the period comes from.

A device holds one group of units and runs it whole: it starts when all that the group reads from
elsewhere is there, and sends when it is done. A device's time is its units' work, and what it pays
for having a stage and for bytes. The period is the largest of every device's and every used link's
time; work and transfer overlap. The latency is the longest way of one request. What crosses from
one device to another in one request is one message, in which every tensor is once, whoever wants it
there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgechain.errors import CannotPlace
from edgechain.spec.plan import Placement, Score, Share
from edgechain.spec.problem import Objective, Problem

Owner = list[int]
"""For every unit the place of its device."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best owner, ``None`` where none was found, and what is proved: no better value."""

    owner: Owner | None
    bound: float


def placement(
    problem: Problem, owner: Sequence[int], objective: Objective, lower_bound: float
) -> Placement:
    """What this owner comes to, beside a bound that is known. Raises ``CannotPlace``."""
    found = score(problem, owner)
    bound = min(lower_bound, found.value(objective))
    return Placement(objective, shares(problem, owner), found, bound)


def score(problem: Problem, owner: Sequence[int]) -> Score:
    """Period and latency. Raises ``CannotPlace``: what is not allowed, in words."""
    groups = _groups(problem, owner)
    crossing = crossing_bytes(problem, owner)
    busy = _busy(problem, groups, crossing)
    sent = _sent(problem, crossing)
    ready, end = dict.fromkeys(groups, 0.0), 0.0
    for board in _sequence(problem, groups, sent):
        done = ready[board] + busy[board]
        end = max(end, done)
        for (source, target), seconds in sent.items():
            if source == board:
                ready[target] = max(ready[target], done + seconds)
    period, limits = _limit(problem, busy, sent)
    return Score(period, end, limits)


def shares(problem: Problem, owner: Sequence[int]) -> tuple[Share, ...]:
    """The groups, in an order in which each reads only from those before it."""
    groups = _groups(problem, owner)
    work = _work(problem, groups)
    order = _sequence(problem, groups, transfers(problem, owner))
    return tuple(Share(board, groups[board], work[board]) for board in order)


def transfers(problem: Problem, owner: Sequence[int]) -> dict[tuple[int, int], float]:
    """Seconds of what crosses, by sending and receiving device. Raises ``CannotPlace``."""
    return _sent(problem, crossing_bytes(problem, owner))


def crossing_bytes(problem: Problem, owner: Sequence[int]) -> dict[tuple[int, int], int]:
    """Bytes that cross, by sending and receiving device."""
    crossing: dict[tuple[int, int], int] = {}
    for unit, readers in enumerate(problem.readers):
        source = owner[unit]
        for target in {owner[reader] for reader in readers} - {source}:
            size = problem.units[unit].output_bytes
            crossing[source, target] = crossing.get((source, target), 0) + size
    return crossing


def _sent(problem: Problem, crossing: dict[tuple[int, int], int]) -> dict[tuple[int, int], float]:
    return {ends: _seconds(problem, ends, size) for ends, size in crossing.items()}


def _seconds(problem: Problem, ends: tuple[int, int], size: int) -> float:
    if problem.wire is None:
        return 0.0
    source, target = ends
    if (wire := problem.wire[source][target]) is None:
        names = f"{problem.boards[source].name} to {problem.boards[target].name}"
        raise CannotPlace(f"there is no link from {names}")
    return wire.carries(size)


def _groups(problem: Problem, owner: Sequence[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = {}
    for unit, board in enumerate(owner):
        found.setdefault(board, []).append(unit)
    for board, units in found.items():
        if sum(problem.units[unit].memory_bytes for unit in units) > problem.room[board]:
            raise CannotPlace(f"{problem.boards[board].name} has not the memory for its units")
    return {board: tuple(units) for board, units in found.items()}


def _work(problem: Problem, groups: dict[int, tuple[int, ...]]) -> dict[int, float]:
    work: dict[int, float] = {}
    for board, units in groups.items():
        work[board] = math.fsum(problem.seconds[board][unit] for unit in units)
        if work[board] == math.inf:
            raise CannotPlace(f"{problem.boards[board].name} cannot run all of its units")
    return work


def _busy(
    problem: Problem,
    groups: dict[int, tuple[int, ...]],
    crossing: dict[tuple[int, int], int],
) -> dict[int, float]:
    """Every device's time for one request."""
    work = _work(problem, groups)
    return {board: busy_seconds(problem, board, work[board], crossing) for board in work}


def busy_seconds(
    problem: Problem, board: int, work: float, crossing: Mapping[tuple[int, int], int]
) -> float:
    """A device's time for one request, with so many seconds of work; ``crossing`` in bytes."""
    received = sum(size for (_, target), size in crossing.items() if target == board)
    sent = sum(size for (source, _), size in crossing.items() if source == board)
    return work + problem.boards[board].pays(received, sent)


def _sequence(
    problem: Problem, groups: dict[int, tuple[int, ...]], sent: dict[tuple[int, int], float]
) -> list[int]:
    """Devices so that each reads only from those before it; of several the earliest unit first."""
    waits = {board: {source for source, target in sent if target == board} for board in groups}
    order: list[int] = []
    while waits:
        free = [board for board, sources in waits.items() if not sources]
        if not free:
            names = ", ".join(problem.boards[board].name for board in sorted(waits))
            raise CannotPlace(f"{names} would wait for each other")
        board = min(free, key=lambda board: groups[board])
        order.append(board)
        del waits[board]
        for sources in waits.values():
            sources.discard(board)
    return order


def _limit(
    problem: Problem, busy: dict[int, float], sent: dict[tuple[int, int], float]
) -> tuple[float, str]:
    """The period, and what it comes from."""
    board = max(busy, key=lambda board: busy[board])
    period, limits = busy[board], f"device {problem.boards[board].name}"
    for (source, target), seconds in sent.items():
        if seconds > period:
            names = f"{problem.boards[source].name} to {problem.boards[target].name}"
            period, limits = seconds, f"link {names}"
    return period, limits
