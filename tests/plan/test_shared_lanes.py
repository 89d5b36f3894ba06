"""A plan with copies as it is drawn: who is a copy of what, what it takes, what stands out."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given

from edgechain.errors import CannotPlace
from edgechain.plan.compare import Option, shared
from edgechain.plan.copies import Staffed, Teams
from edgechain.plan.look import FRAMES, MOST_FRAMES, NAMES, SMALL
from edgechain.plan.picture import drawn
from edgechain.plan.shared_lanes import MOST_LINKS, frames_said
from edgechain.plan.svg import width
from edgechain.spec.problem import Board, Problem, Unit, Wire
from tests.plan.instances import problems
from tests.plan.test_copies import BOTH, every_link, pair
from tests.plan.test_picture import bands, check, heavy, lines, numbers, told


def picture(problem: Problem, owner: list[int], teams: Teams) -> ET.Element:
    found = Staffed(problem, owner, teams).placement(0.0)
    drawing = drawn([Option("with copies", problem, found, "so be it")])
    check(drawing)
    return ET.fromstring(drawing)


def equal(count: int, seconds: float = 0.01) -> Problem:
    """One unit that all devices can have."""
    names = [f"d{place}" for place in range(count)]
    unit = Unit("x", (), dict.fromkeys(names, seconds))
    return Problem((unit,), tuple(map(Board, names)))


def whole(problem: Problem) -> ET.Element:
    return picture(problem, [0], {0: tuple(range(len(problem.boards)))})


def test_copies_are_called_so_and_say_what_they_take() -> None:
    said = lines(picture(pair(*every_link(0.5)), [0, 2], BOTH))
    assert said[0] == "With copies: 4 of 4 devices"
    assert said.index("stage 1, 2 copies") < said.index("a") < said.index("b")
    assert said.index("stage 2, 2 copies") < said.index("c") < said.index("d")
    assert said.count("copy 1 of 2, takes 3 of 4 frames") == 2
    assert said.count("copy 2 of 2, takes 1 of 4 frames") == 2
    assert {"a to c, 10 B", "a to d, 10 B", "b to c, 10 B", "b to d, 10 B"} <= set(said)


def test_names_of_many_copies_end_before_the_bars() -> None:
    said = [line for line in lines(whole(equal(120))) if line.startswith("copy ")]
    assert said[0] == "copy 1 of 120, takes under 1%"
    assert all(width(line, SMALL) <= NAMES for line in said)
    said = [line for line in lines(whole(equal(9))) if line.startswith("copy ")]
    assert said[-1] == "copy 9 of 9, takes 1 of 9 frames"


def test_figures_are_those_of_the_plan() -> None:
    said = lines(picture(pair(*every_link(0.5)), [0, 2], BOTH))
    assert {"latency 10,500 ms, slowest route", "period 1,500 ms"} <= set(said)
    assert any("latency 10,500 ms on the slowest route, without waits" in line for line in said)
    assert {"2,000 ms, 100%", "6,000 ms, 100%", "1,000 ms, 50%", "3,000 ms, 50%"} <= set(said)


def test_a_stage_without_copies_takes_every_frame() -> None:
    said = lines(picture(pair(*every_link()), [0, 2], {0: (0,), 2: (2, 3)}))
    assert "stage 1, no copies" in said
    assert "takes every frame" in said
    assert "not used: b" in said


def test_all_devices_of_the_stage_that_sets_the_period_stand_out() -> None:
    root = picture(pair(*every_link(0.5)), [0, 2], BOTH)
    assert len(bands(root)) == 2
    assert lines(root).count("sets the period") == 3, "one is the legend's"
    assert len(heavy(root)) == FRAMES


def test_a_link_that_sets_the_period_stands_out_alone() -> None:
    root = picture(pair(*every_link(9.0)), [0, 2], BOTH)
    places = {words.text: float(words.get("y", 0)) for words in root.iter() if words.text}
    (band,) = bands(root)
    assert 0 < places["a to c, 10 B"] - float(band.get("y", 0)) < float(band.get("height", 0))


def test_all_links_of_a_medium_that_sets_the_period_stand_out() -> None:
    problem = equal(2, 1.0)
    boards = (replace(b, client_bytes_per_second=4.0, medium="air") for b in problem.boards)
    unit = replace(problem.units[0], request_bytes=8)
    root = whole(Problem((unit,), tuple(boards)))
    assert lines(root).count("air: 100%") == 2
    assert len(bands(root)) == 2


def test_two_equal_boards_do_frames_by_turns() -> None:
    root = whole(equal(2))
    assert "the whole model, 2 copies" in lines(root)
    assert [frame for _, frame in numbers(root)] == ["1", "3", "2", "4"]


@pytest.mark.parametrize(("copies", "frames"), [(2, FRAMES), (6, 6), (11, MOST_FRAMES)])
def test_where_there_are_more_copies_more_frames_are_drawn(copies: int, frames: int) -> None:
    root = whole(equal(copies))
    assert sorted(frame for _, frame in numbers(root)) == [str(at + 1) for at in range(frames)]
    assert f"frame {frames}" in lines(root)
    assert f"frame {frames + 1}" not in lines(root)


def test_frames_differ_in_more_than_colour() -> None:
    root = whole(equal(8))
    patterns = [one for one in root.iter() if one.tag.endswith("}pattern")]
    assert len({next(iter(one)).get("d") for one in patterns}) == MOST_FRAMES - 1


def test_of_many_links_those_of_the_drawn_frames_are_shown() -> None:
    names = [f"d{place}" for place in range(10)]
    units = (
        Unit("x", (), dict.fromkeys(names, 0.01), 0, 10),
        Unit("y", ("x",), dict.fromkeys(names, 0.01), 0),
    )
    wires = tuple(Wire(a, b, 1e6) for a in names for b in names if a != b)
    problem = Problem(units, tuple(map(Board, names)), wires)
    said = lines(picture(problem, [0, 5], {0: (0, 1, 2, 3, 4), 5: (5, 6, 7, 8, 9)}))
    shown = sum(line.endswith(", 10 B") for line in said)
    assert shown == 5, "of as many frames as there are copies"
    assert f"and {25 - shown} that no drawn frame takes" in said
    assert MOST_LINKS < 25


def test_more_is_said_beside_the_pointer() -> None:
    said = told(picture(pair(*every_link(0.5)), [0, 2], BOTH))
    assert "a: 1,000 ms for x; takes 3 of 4 frames" in said
    assert "b to d: 10 B in 1,500 ms; takes 6%" in said


def test_shares_are_said_as_people_would() -> None:
    assert [frames_said(share) for share in (1, 0.5, 2 / 3, 0.2824, 0.0353, 0.001, 0.0)] == [
        "every frame",
        "1 of 2 frames",
        "2 of 3 frames",
        "28%",
        "4%",
        "under 1%",
        "under 1%",
    ]


@pytest.mark.parametrize("seconds", [5e-324, 1e-300, 1e-12, 1e9, 1e300])
def test_any_amount_can_be_drawn(seconds: float) -> None:
    problem = equal(3)
    unit = Unit("x", (), {"d0": seconds, "d1": 1.0, "d2": seconds})
    whole(replace(problem, units=(unit,)))


@pytest.mark.once
@given(problems())
def test_any_plan_with_copies_can_be_drawn(problem: Problem) -> None:
    try:
        option = shared(problem)
    except CannotPlace:
        assume(False)
    drawing = drawn([option])
    check(drawing)
    assert drawing == drawn([option]), "the same plan is the same picture"
