"""The bound over down-sets: never above the best of all placements, and tight where bytes cost."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from edgechain.plan import downsets
from edgechain.plan.bounds import lower_bound
from edgechain.plan.downsets import bound_of_downsets
from edgechain.plan.place import place
from edgechain.spec.problem import Board, Objective, Problem, Unit
from tests.plan.exhaustive import Judge
from tests.plan.instances import seeded

PERIOD = Objective.THROUGHPUT

SEEDS = range(600)


def best(problem: Problem) -> float:
    judge = Judge(problem)
    return judge.best[PERIOD][0] if judge.best else math.inf


@pytest.mark.once
def test_it_is_never_above_the_best_and_often_equal() -> None:
    equal = better = 0
    for seed in SEEDS:
        problem = seeded(seed)
        least, bound = best(problem), bound_of_downsets(problem)
        assert bound <= least * (1 + 1e-9), seed
        equal += math.isclose(bound, least, rel_tol=1e-9)
        better += lower_bound(problem, PERIOD) * (1 + 1e-9) < bound < math.inf
    assert equal > len(SEEDS) / 3, equal
    assert better > len(SEEDS) / 10, better


@pytest.mark.once
def test_one_that_counts_what_is_wanted_for_every_reader_is_caught() -> None:
    """The control: a tensor crosses once, whoever of a device wants it there."""

    def dearer(problem: Problem) -> Problem:
        units = (
            replace(unit, output_bytes=unit.output_bytes * max(1, len(readers)))
            for unit, readers in zip(problem.units, problem.readers, strict=True)
        )
        return replace(problem, units=tuple(units))

    assert any(
        bound_of_downsets(dearer(problem)) > best(problem) * (1 + 1e-9)
        for problem in map(seeded, SEEDS)
    )


def residual(boards: int) -> Problem:
    """Blocks whose input is read again at their end, then two branches: few places to cut."""
    names = [f"b{number}" for number in range(boards)]
    units = list[Unit]()
    last: tuple[str, ...] = ()
    seconds = dict.fromkeys(names, 1.0)
    for block in range(2):
        inside = [f"{block}-{part}" for part in range(3)]
        reads = [last, (inside[0],), (inside[1], *last)]
        units += [Unit(n, r, seconds, output_bytes=10) for n, r in zip(inside, reads, strict=True)]
        last = (inside[-1],)
    units += [Unit(side, last, seconds, output_bytes=10) for side in ("left", "right")]
    units.append(Unit("join", ("left", "right"), seconds))
    paying = [Board(name, send_seconds=0.05, receive_seconds=0.05) for name in names]
    return Problem(tuple(units), tuple(paying))


@pytest.mark.parametrize("boards", [1, 2, 3])
def test_a_graph_that_is_nearly_a_row_is_placed_exactly(boards: int) -> None:
    problem = residual(boards)
    found = place(problem, PERIOD)
    assert found.score.period == pytest.approx(best(problem))
    assert bound_of_downsets(problem) == pytest.approx(found.score.period)
    assert found.is_exact


def test_of_a_graph_with_very_many_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downsets, "MOST_DOWNSETS", 5)
    assert bound_of_downsets(residual(2)) == 0.0


def test_of_very_many_unlike_devices_nothing_is_said() -> None:
    names = [f"d{number}" for number in range(33)]
    work = {name: 1 + number / 100 for number, name in enumerate(names)}
    units = (Unit("a", (), work), Unit("b", ("a",), work))
    problem = Problem(units, tuple(map(Board, names)))
    assert bound_of_downsets(problem) == 0.0
    assert place(problem, Objective.THROUGHPUT).score.period == pytest.approx(1.01)
