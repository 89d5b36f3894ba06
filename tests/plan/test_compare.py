"""Several plans for one problem."""

from __future__ import annotations

import pytest
from hypothesis import given

from edgechain.errors import CannotPlace
from edgechain.plan.compare import chosen, compared
from edgechain.plan.explain import verdict
from edgechain.plan.place import place
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
        assert same_number(one.placement.score.period, one.placement.score.latency)
