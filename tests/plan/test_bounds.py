"""What no placement can beat counts the stages that are needed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from edgechain.plan.bounds import best_weights, bound_with_copies, lower_bound, with_stages
from edgechain.plan.place import place
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire

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


def test_copies_may_share_the_largest_unit() -> None:
    units = (Unit("x", (), {"a": 4.0, "b": 4.0}), Unit("y", ("x",), {"a": 1.0, "b": 1.0}))
    problem = Problem(units, (Board("a"), Board("b")))
    assert lower_bound(problem, Objective.THROUGHPUT) == pytest.approx(4.0)
    assert bound_with_copies(problem) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("boards", "bound"),
    [
        ((Board("a", stage_seconds=1.0), Board("b", stage_seconds=1.0)), 2.5),
        ((Board("a"), Board("b", stage_seconds=8.0)), 3.0),
        ((Board("a"), Board("b")), 2.0),
        ((Board("a", 4), Board("b", 3)), 2.0),
        ((Board("a", 4), Board("b", 0)), 4.0),
    ],
)
def test_with_copies_every_device_on_a_route_pays_for_its_stage(
    boards: tuple[Board, ...], bound: float
) -> None:
    """Everything on each of them takes 1 / (1 / 5 + 1 / 5), 1 / (1 / 4 + 1 / 12), and so on."""
    units = tuple(replace(unit, memory_bytes=1) for unit in EQUAL)
    assert bound_with_copies(Problem(units, boards)) == pytest.approx(bound)


def test_copies_share_the_links_to_the_client_too() -> None:
    """8 bytes at 1 and at 3 a second take 1 / (1 / 8 + 3 / 8)."""
    units = (Unit("x", (), {"a": 0.5, "b": 0.5}, request_bytes=8),)
    boards = (Board("a", client_bytes_per_second=1.0), Board("b", client_bytes_per_second=3.0))
    assert bound_with_copies(Problem(units, boards)) == pytest.approx(2.0)


def test_what_a_unit_needs_while_it_runs_has_to_be_there_for_a_copy() -> None:
    units = (Unit("x", (), {"a": 1.0, "b": 1.0}, 4, working_bytes=3),)
    assert bound_with_copies(Problem(units, (Board("a", 7), Board("b", 7)))) == pytest.approx(0.5)
    assert bound_with_copies(Problem(units, (Board("a", 7), Board("b", 6)))) == pytest.approx(1.0)


def test_only_devices_that_can_run_a_unit_share_it() -> None:
    units = (Unit("x", (), {"a": 1.0, "b": 1.0, "c": 1.0}), Unit("y", ("x",), {"a": 6.0, "b": 3.0}))
    problem = Problem(units, (Board("a"), Board("b"), Board("c")))
    assert bound_with_copies(problem) == pytest.approx(2.0)


def test_the_bound_with_copies_leaves_the_stages_of_very_many_devices_out() -> None:
    boards = tuple(Board(f"b{n}", stage_seconds=1.0) for n in range(9))
    units = tuple(Unit(f"u{n}", (), {b.name: 1.0 for b in boards}) for n in range(18))
    assert bound_with_copies(Problem(units, boards)) == pytest.approx(2.0)


@pytest.mark.parametrize("seconds", [0.0, 5e-324, 1e-300, 1e300])
def test_any_amount_has_a_bound_with_copies(seconds: float) -> None:
    units = (Unit("x", (), {"a": seconds, "b": 1.0}), Unit("y", ("x",), {"a": seconds, "b": 1.0}))
    problem = Problem(units, (Board("a"), Board("b")))
    assert 0 <= bound_with_copies(problem) <= min(2 * seconds, 2.0)


def test_what_fits_nowhere_has_an_infinite_bound() -> None:
    units = tuple(replace(unit, memory_bytes=1) for unit in EQUAL)
    assert bound_with_copies(Problem(units, (Board("a", 1), Board("b", 1)))) == math.inf


def linked(*sizes: int, send: float = 0.0, back: bool = True) -> Problem:
    """Units of a second each in a row on two equal devices; a link carries ten bytes a second."""
    units = tuple(
        Unit(f"u{n}", (f"u{n - 1}",) if n else (), {"a": 1.0, "b": 1.0}, output_bytes=size)
        for n, size in enumerate(sizes)
    )
    wires = (Wire("a", "b", 10.0), *((Wire("b", "a", 10.0),) if back else ()))
    boards = tuple(Board(name, send_seconds=send) for name in "ab")
    return Problem(units, boards, wires, several_stages=True)


@pytest.mark.parametrize(
    ("problem", "bound"),
    [
        (linked(5, 5, 5, 0), 2.0),  # half a second: whatever crosses is no question
        (linked(90, 90, 90, 0), 4.0),  # nine seconds: better not at all
        (linked(30, 90, 90, 0), 3.0),  # the first alone, its three seconds as long as the others
        (linked(35, 90, 90, 0), 3.5),  # what crosses is the longest
        (linked(5, 90, 5, 0), 2.0),  # the middle ones together
        (linked(1, 1, 1, 0, send=3.5), 3.5),  # the sender pays
        (linked(1, 1, 1, 0, send=9.0), 4.0),
    ],
)
def test_what_takes_longer_than_a_period_to_cross_does_not_cross(
    problem: Problem, bound: float
) -> None:
    assert lower_bound(problem, Objective.THROUGHPUT) == pytest.approx(bound)
    found = place(problem, Objective.THROUGHPUT)
    assert found.lower_bound <= found.score.period
    free = replace(problem, wires=None, boards=(Board("a"), Board("b")))
    assert lower_bound(free, Objective.THROUGHPUT) == pytest.approx(2.0), "control: no links"


@pytest.mark.parametrize(("back", "bound"), [(False, 2.0), (True, 1.5)])
def test_where_there_is_no_way_back_the_next_one_stays_too(back: bool, bound: float) -> None:
    """The first is at home on b, and what it makes cannot leave it."""
    problem = linked(5, 5, 0, back=back)
    units = (replace(problem.units[0], seconds={"b": 1.0}), *problem.units[1:])
    problem = replace(problem, units=units)
    assert lower_bound(problem, Objective.THROUGHPUT) == pytest.approx(bound)
