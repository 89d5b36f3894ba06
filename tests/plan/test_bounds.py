"""What no placement can beat counts the stages that are needed."""

from __future__ import annotations

import pytest

from edgechain.plan.bounds import best_weights, lower_bound, with_stages
from edgechain.plan.place import place
from edgechain.spec.problem import Board, Objective, Problem, Unit

EQUAL = tuple(Unit(f"u{n}", (), {"a": 1.0, "b": 1.0}) for n in range(4))


@pytest.mark.parametrize(
    ("boards", "bound"),
    [
        ((Board("a", stage_seconds=0.5), Board("b", stage_seconds=0.5)), 2.5),
        ((Board("a"), Board("b", stage_seconds=100.0)), 4.0),
        ((Board("a"), Board("b")), 2.0),
    ],
)
def test_every_device_with_work_pays_for_its_stage(boards: tuple[Board, ...], bound: float) -> None:
    problem = Problem(EQUAL, boards)
    assert lower_bound(problem, Objective.THROUGHPUT) == pytest.approx(bound)
    assert place(problem, Objective.THROUGHPUT).score.period == pytest.approx(bound)


def test_a_device_that_cannot_run_everything_is_not_enough() -> None:
    units = (*EQUAL[:3], Unit("only-b", (), {"b": 1.0}))
    problem = Problem(units, (Board("a", stage_seconds=0.1), Board("b", stage_seconds=9.0)))
    assert with_stages(problem, best_weights(problem)) > 4.0


def test_of_very_many_devices_nothing_is_said() -> None:
    boards = tuple(Board(f"b{n}", stage_seconds=1.0) for n in range(9))
    units = tuple(Unit(f"u{n}", (), {b.name: 1.0 for b in boards}) for n in range(4))
    assert with_stages(Problem(units, boards), [1 / 9] * 9) == 0.0
