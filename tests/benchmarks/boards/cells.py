"""What was measured on emulated boards as a cell of the report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.benchmarks.boards.emulated import Emulated
from tests.benchmarks.boards.placing import Placed
from tests.benchmarks.boards.report import Cell, Part


class Spent(NamedTuple):
    """Seconds of the processor for one request."""

    board: float
    worker: float


def drift_of(before: float | None, now: float | None) -> float | None:
    """How fast the machine is beside how fast it was; nothing where either is unknown."""
    return now / before if before and now else None


def cell_of(
    plan: Placed,
    used: Sequence[Emulated],
    spent: Sequence[Spent],
    memory: Sequence[float],
    ends: Sequence[float],
    exact: bool,
    drift: float | None,
) -> Cell:
    """The cell, of what every used board spent, in their order, and when requests were answered."""
    rate = (len(ends) - 1) / (ends[-1] - ends[0])
    place = {one.name: number for number, one in enumerate(used)}
    busy, computing = plan.busy(), plan.computing()
    groups = plan.problem.partition(plan.found).groups
    parts = []
    for share, group in zip(plan.found.shares, groups, strict=True):
        one = used[place[plan.scene.names[share.board]]]
        own, worker = (seconds / one.quota for seconds in spent[place[one.name]])
        parts.append(
            Part(
                one.name,
                ranges(group),
                busy[share.board],
                own,
                computing[share.board],
                worker,
                own * rate,
                memory[place[one.name]],
                plan.memory_mb[share.board],
            )
        )
    swapped = None if plan.swapped_period is None else 1 / plan.swapped_period
    return Cell(
        plan.scene.title,
        plan.model.file,
        parts,
        1 / plan.found.score.period,
        1 / plan.found.lower_bound,
        1 / plan.bare_period,
        rate,
        len(ends),
        exact,
        drift,
        plan.found.score.limits,
        swapped,
    )


def ranges(operators: Sequence[int]) -> str:
    """``0-12, 15`` for people."""
    found: list[list[int]] = []
    for op in operators:
        if found and op == found[-1][1] + 1:
            found[-1][1] = op
        else:
            found.append([op, op])
    return "+".join(f"{a}-{b}" if b > a else str(a) for a, b in found)
