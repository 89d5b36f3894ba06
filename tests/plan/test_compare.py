"""Several plans for one problem."""

from __future__ import annotations

import pytest
from hypothesis import given

from edgechain.errors import CannotPlace
from edgechain.plan.compare import chosen, compared, shared
from edgechain.plan.explain import verdict
from edgechain.plan.place import place
from edgechain.plan.trade import trade
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.check import same_number
from tests.plan.instances import problems

PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY


def row(*seconds: float, size: int = 0, memory: int | None = None) -> Problem:
    """A row of units, of one byte of memory each, on two equal devices."""
    units = tuple(
        Unit(f"u{at}", (f"u{at - 1}",) if at else (), {"a": time, "b": time}, 1, size)
        for at, time in enumerate(seconds)
    )
    boards = (Board("a", memory), Board("b", memory))
    return Problem(units, boards, (Wire("a", "b", 1.0), Wire("b", "a", 1.0)))


def test_not_split_for_throughput_and_for_latency() -> None:
    alone, fast, short = compared(row(2, 2, size=1))
    assert [one.name for one in (alone, fast, short)] == [
        "not split",
        "for throughput",
        "for latency",
    ]
    assert (alone.placement.score.period, alone.placement.lower_bound) == (4, 2)
    assert (fast.placement.score.period, fast.placement.score.latency) == (2, 5)
    assert (short.placement.score.period, short.placement.score.latency) == (4, 4)
    assert alone.says == "everything on a: no single device does it sooner"
    assert fast.says.startswith("split over 2 devices: 0.5 frames/s; 2.00 times as fast as a alone")
    assert short.says.startswith("do not split: a alone is as fast as any split of it")


def test_what_one_device_cannot_hold_is_not_offered() -> None:
    assert [one.name for one in compared(row(1, 1, memory=1))] == ["for throughput", "for latency"]


def test_what_fits_nowhere_is_refused() -> None:
    with pytest.raises(CannotPlace, match="all devices together have 2"):
        compared(row(1, 1, 1, memory=1))


@given(problems())
def test_each_is_what_it_is_on_its_own(problem: Problem) -> None:
    try:
        options = compared(problem)
    except CannotPlace:
        return
    *single, fast, short = options
    assert (fast, short) == (chosen(problem, PERIOD), chosen(problem, LATENCY))
    assert fast.placement == place(problem, PERIOD)
    assert fast.says == verdict(problem, fast.placement)
    for one in single:
        assert not one.placement.is_split
        assert one.placement.score.period >= fast.placement.lower_bound * (1 - 1e-9)
        assert one.placement.lower_bound <= one.placement.score.period
        figures = one.placement.score
        assert figures.period <= figures.latency * (1 + 1e-9)
        if not any(unit.request_bytes or unit.result_bytes for unit in problem.units):
            assert same_number(figures.period, figures.latency)


def test_copies_that_bring_nothing_are_said_to() -> None:
    problem = row(2, 2, size=1)
    found = shared(problem)
    assert found.placement.shares == place(problem, PERIOD).shares
    assert found.says.startswith("copies bring nothing; split over 2 devices: 0.5 frames/s")


def test_copies_may_save_the_split() -> None:
    found = shared(row(3, 1))
    assert found.says == (
        "the whole model on a and b: 0.5 frames/s; 1.50 times as fast as without copies "
        "(0.333 frames/s)"
    )
    assert [share.boards for share in found.placement.shares] == [(0, 1)]


def test_what_lies_between_the_ends_is_named() -> None:
    options, complete = trade(row(4, 3, 5, size=3))
    assert [(one.name, one.placement.score.period) for one in options] == [
        ("for throughput", 7),
        ("for latency", 12),
    ]
    assert complete.startswith("proved: no plan has both a smaller period")
    (only,), _ = trade(row(1))
    assert (only.name, only.says) == (
        "for both",
        "do not split: a alone is as fast as any split of it (1000 ms a frame)",
    )


@given(problems())
def test_the_ends_of_a_front_are_the_best_for_each_objective(problem: Problem) -> None:
    try:
        options, _ = trade(problem)
    except CannotPlace:
        return
    assert same_number(options[0].placement.score.period, place(problem, PERIOD).score.period)
    assert same_number(options[-1].placement.score.latency, place(problem, LATENCY).score.latency)
    for one in options:
        assert one.placement.lower_bound <= one.placement.score.value(one.placement.objective)
        assert one.says
