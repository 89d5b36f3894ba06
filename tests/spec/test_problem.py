"""What is asked of the planner, and every way in which it may not be asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.spec.problem import Board, Problem, Unit, Wire

A, B = Board("a"), Board("b", 100)


def unit(name: str, *inputs: str, **more: Any) -> Unit:
    return Unit(name, inputs, {"a": 1.0, "b": 2.0}, **more)


ROW = (unit("x", output_bytes=8), unit("y", "x"), unit("z", "y"))


def names(problem: Problem) -> list[str]:
    return [one.name for one in problem.units]


def test_what_may_be_asked_about_a_row() -> None:
    problem = Problem(ROW, (A, B))
    assert problem.is_chain
    assert dict(problem.index) == {"x": 0, "y": 1, "z": 2}
    assert problem.reads == ((), (0,), (1,))
    assert problem.readers == ((1,), (2,), ())
    assert problem.seconds == ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0))
    assert problem.room == (math.inf, 100)


def test_a_message_costs_its_delay_and_its_bytes() -> None:
    assert Wire("a", "b", 4.0, 0.5).carries(6) == 2.0
    assert Wire("a", "b", math.inf).carries(6) == 0.0


def test_a_device_pays_for_its_stage_and_for_its_bytes() -> None:
    assert Board("a", None, 1.0, 2.0, 3.0).pays(received=10, sent=100) == 231
    assert Board("a").pays(10, 100) == 0
    assert not Board("a", None, 1.0).pays_for_bytes
    assert Board("a", send_seconds=1.0).pays_for_bytes
    assert Board("a", receive_seconds=1.0).pays_for_bytes


def test_a_link_leads_one_way() -> None:
    wire = Wire("a", "b", 4.0)
    assert Problem(ROW, (A, B), (wire,)).wire == ((None, wire), (None, None))


def test_without_links_sending_is_free_and_with_none_there_is_no_way() -> None:
    assert Problem(ROW, (A, B)).wire is None
    assert Problem(ROW, (A, B), ()).wire == ((None, None), (None, None))


def test_a_unit_may_be_impossible_somewhere_or_everywhere() -> None:
    some = Problem((Unit("x", (), {"b": 1.0}), Unit("y", ("x",), {})), (A, B))
    assert some.seconds == ((math.inf, math.inf), (1.0, math.inf))


def test_nothing_is_an_amount() -> None:
    still = Unit("x", (), {"a": 0.0}, 0, 0)
    assert Problem((still,), (Board("a", 0),)).room == (0,)


def test_what_is_read_twice_is_read_once() -> None:
    problem = Problem((unit("x"), unit("y", "x", "x")), (A, B))
    assert problem.reads == ((), (0,))
    assert problem.readers == ((1,), ())
    assert problem.is_chain


@pytest.mark.parametrize(
    "units",
    [
        (unit("x"), unit("y"), unit("z", "x", "y")),
        (unit("x"), unit("y", "x"), unit("z", "x")),
        (unit("x"), unit("y", "x"), unit("z", "x", "y")),
        (unit("x"), unit("y")),
    ],
)
def test_no_chain(units: Sequence[Unit]) -> None:
    assert not Problem(tuple(units), (A, B)).is_chain


def test_one_unit_is_a_chain() -> None:
    assert Problem((unit("x"),), (A, B)).is_chain


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        ((), "at least one unit and one device"),
        ((unit("x"), unit("x")), "unit 'x' stands twice"),
        ((unit("x"), unit("y", "w")), "unit 'y' reads 'w', which no unit makes"),
        ((unit("x", "x"),), "unit 'x' waits for itself"),
        ((unit("w"), unit("x", "w", "y"), unit("y", "x")), "unit '[xy]' waits for itself"),
        ((Unit("x", (), {"c": 1.0}),), "unit 'x' has work for 'c', which is no device"),
        ((Unit("x", (), {"a": -1.0}),), "unit 'x': work on 'a' should be a number from 0"),
        ((Unit("x", (), {"a": math.nan}),), "unit 'x': work on 'a' should be a number from 0"),
        ((Unit("x", (), {"a": math.inf}),), "unit 'x': work on 'a' should be a number from 0"),
        ((unit("x", memory_bytes=-1),), "unit 'x': memory should be a number from 0, not -1"),
        ((unit("x", output_bytes=-1),), "unit 'x': output should be a number from 0, not -1"),
    ],
)
def test_units_that_cannot_be_asked_about(units: tuple[Unit, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Problem(units, (A, B))


@pytest.mark.parametrize(
    ("boards", "wires", "sentence"),
    [
        ((), (), "at least one unit and one device"),
        ((A, B, Board("a")), (), "device 'a' stands twice"),
        ((A, Board("b", -1)), (), "device 'b': memory should be a number from 0, not -1"),
        ((A, Board("b", None, -1)), (), "device 'b': seconds should be a number from 0, not -1"),
        ((A, Board("b", None, 0, -1)), (), "device 'b': seconds should be a number from 0"),
        ((A, Board("b", None, 0, 0, math.nan)), (), "device 'b': seconds should be a number"),
        ((A, B), (Wire("a", "b", 1), Wire("a", "b", 2)), "link 'a to b' stands twice"),
        ((A, B), (Wire("a", "c", 1),), "a link names 'c', which is no device"),
        ((A, B), (Wire("c", "a", 1),), "a link names 'c', which is no device"),
        ((A, B), (Wire("a", "a", 1),), "a link leads from 'a' to itself"),
        ((A, B), (Wire("a", "b", 1, -1),), "link 'a' to 'b' should be a number from 0"),
        ((A, B), (Wire("a", "b", 1, math.inf),), "link 'a' to 'b' should be a number from 0"),
        ((A, B), (Wire("a", "b", 0),), "link 'a' to 'b' carries nothing"),
        ((A, B), (Wire("a", "b", -1),), "link 'a' to 'b' carries nothing"),
        ((A, B), (Wire("a", "b", math.nan),), "link 'a' to 'b' carries nothing"),
    ],
)
def test_devices_and_links_that_cannot_be_asked_about(
    boards: tuple[Board, ...], wires: tuple[Wire, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Problem(ROW, boards, wires)


def test_there_and_back_are_two_links() -> None:
    assert Problem(ROW, (A, B), (Wire("a", "b", 1), Wire("b", "a", 1))).wires


@pytest.mark.parametrize(
    ("given_order", "kept"),
    [("xyz", "xyz"), ("zyx", "xyz"), ("yxz", "xyz"), ("xzy", "xyz")],
)
def test_a_row_is_put_in_order(given_order: str, kept: str) -> None:
    units = {one.name: one for one in ROW}
    assert "".join(names(Problem(tuple(units[n] for n in given_order), (A, B)))) == kept


def test_what_may_come_in_any_order_stays_where_it_was() -> None:
    late = (unit("p"), unit("r", "q"), unit("b"), unit("q", "p"), unit("a"))
    assert names(Problem(late, (A, B))) == ["p", "b", "q", "r", "a"]


@st.composite
def nets(draw: st.DrawFn) -> tuple[Unit, ...]:
    """Units in a good order."""
    count = draw(st.integers(1, 9))
    reads = [draw(st.sets(st.sampled_from(range(at)))) if at else set() for at in range(count)]
    return tuple(unit(f"u{at}", *(f"u{r}" for r in read)) for at, read in enumerate(reads))


@given(nets())
def test_a_good_order_is_kept(units: tuple[Unit, ...]) -> None:
    assert Problem(units, (A, B)).units == units


@given(nets(), st.randoms(use_true_random=False))
def test_any_order_becomes_a_good_one(units: tuple[Unit, ...], random: Random) -> None:
    shuffled = list(units)
    random.shuffle(shuffled)
    problem = Problem(tuple(shuffled), (A, B))
    assert sorted(names(problem)) == sorted(one.name for one in units)
    for at, reads in enumerate(problem.reads):
        assert all(read < at for read in reads)
        assert {names(problem)[read] for read in reads} == set(problem.units[at].inputs)
    for at, readers in enumerate(problem.readers):
        assert all(at in problem.reads[reader] for reader in readers)
    assert replace(problem).units == problem.units, "a second birth changes nothing"
