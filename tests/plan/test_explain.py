"""A placement in words: the verdict, the proof, what would help, and the document for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import assume, given

from edgechain.errors import CannotPlace
from edgechain.plan.explain import MOST_BOARDS, as_document, proof, verdict, what_helps, with_twin
from edgechain.plan.pins import Pin, pinned
from edgechain.plan.place import place
from edgechain.plan.score import placement
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.instances import problems

PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY


def row(*work: float, boards: Sequence[Board] = (Board("a"), Board("b")), size: int = 0) -> Problem:
    """A row of units that every device does equally fast, on free links."""
    seconds = [{board.name: time for board in boards} for time in work]
    units = tuple(
        Unit(f"u{at}", (f"u{at - 1}",) if at else (), one, 1, size)
        for at, one in enumerate(seconds)
    )
    return Problem(units, tuple(boards))


def with_links(problem: Problem, *wires: Wire) -> Problem:
    return Problem(problem.units, problem.boards, wires)


def by_hand(problem: Problem, *owner: int, bound: float = 0.0) -> Placement:
    return placement(problem, owner, PERIOD, bound)


def test_a_split_that_pays_says_how_much() -> None:
    problem = row(0.1, 0.1)
    assert verdict(problem, place(problem, PERIOD)) == (
        "split over 2 devices: 10 frames/s; 2.00 times as fast as a alone (5 frames/s)"
    )


def test_a_split_that_does_not_pay_is_advised_against() -> None:
    problem = row(0.1, 0.1)
    assert verdict(problem, place(problem, LATENCY)) == (
        "do not split: a alone is as fast as any split of it (200 ms a frame)"
    )
    slow = with_links(row(0.1, 0.1, size=1000), Wire("a", "b", 1000.0))
    assert verdict(slow, place(slow, PERIOD)).startswith("do not split: a alone")


def test_a_verdict_claims_no_more_than_is_proved() -> None:
    problem = row(0.1, 0.1)
    found = by_hand(problem, 0, 0, bound=0.15)
    assert not found.is_exact
    assert "any split" not in verdict(problem, found)


def test_what_no_device_holds_has_to_be_split() -> None:
    problem = row(0.1, 0.3, boards=(Board("a", 1), Board("b", 1)))
    assert verdict(problem, place(problem, PERIOD)) == (
        "split over 2 devices: 3.33 frames/s; no device can hold or run all of it"
    )


def test_it_is_compared_with_the_best_device() -> None:
    """Issue 4: one fast board alone that beats every split is the answer."""
    units = (Unit("x", (), {"slow": 9.0, "fast": 1.0}), Unit("y", ("x",), {"slow": 9.0, "fast": 1}))
    problem = Problem(units, (Board("slow"), Board("fast")))
    assert verdict(problem, place(problem, PERIOD)).startswith("do not split: fast alone")


def test_nothing_to_do_takes_no_time() -> None:
    problem = row(0.0)
    assert verdict(problem, place(problem, PERIOD)).endswith("(no time at all)")


def test_a_split_that_takes_no_time_has_a_verdict() -> None:
    units = (Unit("x", (), {"a": 0.0, "b": 1.0}), Unit("y", ("x",), {"a": 1.0, "b": 0.0}))
    problem = Problem(units, (Board("a"), Board("b")))
    assert "no time at all" in verdict(problem, place(problem, PERIOD))


def test_large_figures_are_for_people() -> None:
    problem = row(1.5)
    assert "1e+03" not in verdict(problem, place(problem, LATENCY))
    assert "e+" not in verdict(problem, place(problem, LATENCY))


def test_a_proof_is_said_to_be_one() -> None:
    problem = row(0.1, 0.1)
    assert proof(place(problem, PERIOD)).startswith("proved: no placement")


def test_without_one_the_bound_is_said() -> None:
    problem = row(0.1, 0.1)
    found = by_hand(problem, 0, 0, bound=0.15)
    assert proof(found) == "no placement is below 150.000 ms: at most 25.0% could be gained"


def test_another_device_like_the_slow_one_helps() -> None:
    problem = row(0.1, 0.1, boards=(Board("a"),))
    (one,) = what_helps(problem, place(problem, PERIOD))
    assert (one.board, one.share, one.gain) == ("a", 0.5, 1.0)


def test_the_best_help_comes_first() -> None:
    units = tuple(
        Unit(f"u{at}", (f"u{at - 1}",) if at else (), {"slow": 0.4, "fast": 0.1}) for at in range(6)
    )
    problem = Problem(units, (Board("slow"), Board("fast")))
    helps = what_helps(problem, place(problem, PERIOD))
    assert helps[0].board == "fast"
    assert helps == sorted(helps, key=lambda one: -one.share)


def test_where_one_unit_is_the_limit_no_device_helps() -> None:
    problem = row(0.9, 0.1)
    assert what_helps(problem, place(problem, PERIOD)) == []


def test_of_many_devices_nobody_asks_for_one_more() -> None:
    boards = tuple(Board(f"d{at}") for at in range(MOST_BOARDS))
    problem = Problem((Unit("x", (), {"d0": 1.0}),), boards)
    assert what_helps(problem, place(problem, PERIOD)) == []


def test_a_twin_has_the_same_links_and_one_to_its_like() -> None:
    problem = with_links(row(0.1, 0.1), Wire("a", "b", 10.0, 0.5), Wire("b", "a", 20.0))
    twins = with_twin(problem, problem.boards[0])
    assert [board.name for board in twins.boards] == ["a", "b", "another a"]
    found = {(w.source, w.target): (w.bytes_per_second, w.seconds) for w in twins.wires or ()}
    assert found == {
        ("a", "b"): (10.0, 0.5),
        ("b", "a"): (20.0, 0.0),
        ("another a", "b"): (10.0, 0.5),
        ("b", "another a"): (20.0, 0.0),
        ("a", "another a"): (20.0, 0.0),
        ("another a", "a"): (20.0, 0.0),
    }
    assert all(unit.seconds["another a"] == unit.seconds["a"] for unit in twins.units)


def test_a_twin_takes_a_name_that_is_free() -> None:
    problem = row(0.1, boards=(Board("a"), Board("another a")))
    assert with_twin(problem, problem.boards[0]).boards[-1].name == "another another a"


def test_the_document_is_the_one_that_was_promised() -> None:
    """Issue 4 fixes its form."""
    problem = with_links(row(0.1, 0.2, size=1000), Wire("a", "b", 1e5))
    assert as_document(problem, place(problem, PERIOD)) == {
        "objective": "throughput",
        "split": True,
        "period_ms": 200.0,
        "latency_ms": pytest.approx(310.0),
        "lower_bound_ms": 200.0,
        "exact": True,
        "groups": [
            {"device": "a", "units": ["u0"], "work_ms": 100.0},
            {"device": "b", "units": ["u1"], "work_ms": 200.0},
        ],
        "limits": "device b",
    }


@pytest.mark.once
@given(problems())
def test_any_document_is_json_and_adds_up(problem: Problem) -> None:
    for objective in Objective:
        try:
            found = place(problem, objective)
        except CannotPlace:
            assume(False)
        told = json.loads(json.dumps(as_document(problem, found), allow_nan=False))
        units = [name for group in told["groups"] for name in group["units"]]
        assert sorted(units) == sorted(unit.name for unit in problem.units)
        value = told["period_ms"] if objective is PERIOD else told["latency_ms"]
        assert told["lower_bound_ms"] <= value * (1 + 1e-9)
        assert told["exact"] == (value <= told["lower_bound_ms"] * (1 + 1e-9))
        assert told["split"] == (len(told["groups"]) > 1)


@pytest.mark.once
@given(problems())
def test_help_that_is_promised_is_there(problem: Problem) -> None:
    try:
        found = place(problem, PERIOD)
    except CannotPlace:
        assume(False)
    boards = {board.name: board for board in problem.boards}
    for one in what_helps(problem, found)[:1]:
        better = place(with_twin(problem, boards[one.board]), PERIOD)
        assert better.score.period == pytest.approx(found.score.period * (1 - one.share))


def test_another_device_does_not_help_what_is_pinned() -> None:
    problem = row(0.01, 0.01)
    pins = [Pin("u0", "a"), Pin("u1", "a")]
    found = pinned(problem, pins, problem.called)
    assert what_helps(found, place(found, PERIOD)) == []
    alone = row(0.01, 0.01, boards=(Board("a"),))
    (help_,) = what_helps(alone, place(alone, PERIOD))
    assert help_.board == "a", "control: what is not"
    assert help_.gain == pytest.approx(1.0)


def test_help_that_leaves_nothing_to_do_is_without_measure() -> None:
    units = tuple(
        Unit(name, reads, {"a": 0.0, "b": 0.001}, 10) for name, reads in (("x", ()), ("y", ("x",)))
    )
    problem = Problem(units, (Board("a", 10), Board("b")))
    (best, *_) = what_helps(problem, place(problem, PERIOD))
    assert (best.board, best.gain) == ("a", math.inf)
