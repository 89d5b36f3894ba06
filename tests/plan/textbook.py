"""The dynamic programme that everybody writes first: a chain's best placement, by how many units
are placed, on which set of devices, and which of them is last. Exact, and slow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from edgechain.spec.problem import Objective, Problem

State = tuple[int, int]
"""The set of devices in use, as bits, and the last of them; -1 before the first."""


def textbook(problem: Problem, objective: Objective) -> float:
    """The least value of a chain; infinite if nothing is allowed."""
    count = len(problem.units)
    best: list[dict[State, float]] = [{} for _ in range(count + 1)]
    best[0][0, -1] = 0.0
    for start in range(count):
        for (used, last), before in best[start].items():
            for board in _unused(problem, used):
                state = used | 1 << board, board
                link = _link(problem, last, board, start - 1)
                for end, busy in _ends(problem, board, start):
                    told = _told(problem, board, end)
                    value = _joined(objective, before, link, busy, told)
                    if value < best[end].get(state, math.inf):
                        best[end][state] = value
    return min(best[count].values(), default=math.inf)


def _joined(objective: Objective, before: float, *more: float) -> float:
    return max(before, *more) if objective is Objective.THROUGHPUT else before + sum(more)


def _told(problem: Problem, board: int, end: int) -> float:
    """Seconds until the client has what comes of a run that ends there."""
    device, size = problem.boards[board], problem.units[-1].result_bytes
    if end < len(problem.units) or not size:
        return 0.0
    return device.client_seconds + size / device.client_bytes_per_second


def _unused(problem: Problem, used: int) -> Iterator[int]:
    return (board for board in range(len(problem.boards)) if not used & 1 << board)


def _ends(problem: Problem, board: int, start: int) -> Iterator[tuple[int, float]]:
    """Every way to go on from ``start`` on a device: where it would end, and its time."""
    device, count = problem.boards[board], len(problem.units)
    before = problem.units[start - 1].output_bytes if start else problem.units[0].request_bytes
    busy, memory = device.stage_seconds + before * device.receive_seconds, 0
    working = 0
    for end, unit in enumerate(itertools.islice(problem.units, start, None), start + 1):
        busy += unit.seconds.get(device.name, math.inf)
        memory += unit.memory_bytes
        working = max(working, unit.working_bytes)
        room = math.inf if device.memory_bytes is None else device.memory_bytes
        if busy == math.inf or memory + working > room:
            return
        sent = unit.output_bytes if end < count else unit.result_bytes
        yield end, busy + sent * device.send_seconds


def _link(problem: Problem, source: int, target: int, unit: int) -> float:
    """Seconds for a unit's output, or the client's request; infinite if there is no such link."""
    if source < 0:
        device, size = problem.boards[target], problem.units[0].request_bytes
        return device.client_seconds + size / device.client_bytes_per_second if size else 0.0
    if problem.wires is None:
        return 0.0
    ends = problem.boards[source].name, problem.boards[target].name
    for wire in problem.wires:
        if (wire.source, wire.target) == ends:
            return wire.seconds + problem.units[unit].output_bytes / wire.bytes_per_second
    return math.inf
