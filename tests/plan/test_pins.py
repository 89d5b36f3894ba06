"""What is pinned stays where it is, and the rest is still placed as well as can be."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.pins import Pin, pinned
from edgechain.plan.place import place
from edgechain.plan.topology import Device, problem_on, with_pins
from edgechain.spec.problem import Board, Objective, Problem, Unit
from edgechain.spec.topology import DeviceConfig
from tests.plan.check import owner_of, same_number
from tests.plan.exhaustive import Judge
from tests.plan.instances import problems
from tests.spec.graphs import DIAMOND

ROW = Problem(
    (
        Unit("x", (), {"a": 1.0, "b": 1.0}),
        Unit("y", ("x",), {"a": 1.0, "b": 1.0}),
        Unit("z", ("y",), {"a": 1.0}),
    ),
    (Board("a"), Board("b")),
)


@pytest.mark.once
@given(problems(), st.sampled_from(Objective), st.data())
def test_the_best_of_those_placements_that_keep_it(
    problem: Problem, objective: Objective, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(problem.units))
    assume(unit.seconds)
    board = data.draw(st.sampled_from(sorted(unit.seconds)))
    at, place_of = problem.index[unit.name], [b.name for b in problem.boards].index(board)
    allowed = Judge(problem).allowed()
    kept = [cost.of(objective) for owner, cost in allowed if owner[at] == place_of]
    bound = pinned(problem, [Pin(unit.name, board)], problem.called)
    if not kept:
        with pytest.raises(CannotPlace):
            place(bound, objective)
        return
    found = place(bound, objective)
    owner = owner_of(bound, found)
    assert owner is not None
    assert owner[at] == place_of
    assert same_number(found.score.value(objective), min(kept))


@pytest.mark.parametrize(
    ("pins", "complaint"),
    [
        ([Pin("x", "c")], "x is pinned to 'c', which is no device"),
        ([Pin("w", "a")], "w is pinned to a, and is no unit"),
        ([Pin("z", "b")], "unit z is pinned to b, which cannot run it"),
        ([Pin("y", "a"), Pin("y", "b")], "unit y is pinned to a and to b"),
    ],
)
def test_what_cannot_be_pinned_is_said(pins: list[Pin], complaint: str) -> None:
    with pytest.raises(CannotPlace) as caught:
        pinned(ROW, pins, ROW.called)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("what", "operators"),
    [("input", {0}), ("output", {5}), ("t3", {3}), ("1-2,4", {1, 2, 4})],
)
def test_what_people_call_operators(what: str, operators: set[int]) -> None:
    devices = [Device("a", DeviceConfig()), Device("b", DeviceConfig(pinned=(what,)))]
    made = problem_on(DIAMOND, devices)
    only = [set(unit.seconds) == {"b"} for unit in made.problem.units]
    assert {op for u, o in made.operators.items() if only[made.problem.index[u]] for op in o} == (
        operators
    )


@pytest.mark.parametrize("what", ["t9", "4-9", "first"])
def test_what_is_nothing_of_the_model_is_said(what: str) -> None:
    with pytest.raises(CannotPlace, match="is nothing of this model; give input, output, a tensor"):
        problem_on(DIAMOND, with_pins([Device("a", DeviceConfig())], [Pin(what, "a")]))
