"""Instants and what is left of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgechain.spec.deadline import Deadline

seconds = st.floats(min_value=0, max_value=1e9)


def test_a_budget_runs_out_and_never_goes_below_nothing() -> None:
    deadline = Deadline.after(10.0, 2.0)
    assert [deadline.budget(now) for now in (10.0, 11.5, 12.0, 99.0)] == [2.0, 0.5, 0.0, 0.0]
    assert [deadline.has_passed(now) for now in (10.0, 11.5, 12.0, 99.0)] == [
        False, False, True, True,
    ]  # fmt: skip


def test_an_earlier_deadline_is_smaller() -> None:
    assert Deadline.after(0, 1) < Deadline.after(0, 2) == Deadline(2)


@given(seconds, seconds, seconds)
def test_passed_exactly_when_nothing_is_left(start: float, budget: float, now: float) -> None:
    deadline = Deadline.after(start, budget)
    assert deadline.has_passed(now) == (deadline.budget(now) == 0)
