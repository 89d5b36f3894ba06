"""What devices and links of a plan with copies do, beside what the plan comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given

from edgechain.errors import CannotPlace
from edgechain.plan.copies import Load, Staffed
from edgechain.plan.score import CLIENT
from edgechain.plan.sharing import place_shared
from edgechain.plan.staff import Link, Staff, staff
from edgechain.spec.plan import SAME
from edgechain.spec.problem import Board, Problem, Unit
from tests.plan.instances import problems
from tests.plan.test_copies import BOTH, every_link, pair


def staffed(problem: Problem) -> Staff:
    return staff(problem, Staffed(problem, [0, 2], BOTH).placement(0.0))


def test_links_have_the_shares_of_both_ends() -> None:
    found = staffed(pair(*every_link(9.0)))
    assert [(link.ends, link.stages, link.size, link.seconds) for link in found.links] == [
        ((a, c), (0, 1), 10, 10.0) for a in (0, 1) for c in (2, 3)
    ]
    assert [link.takes for link in found.links] == [9 / 16, 3 / 16, 3 / 16, 1 / 16]
    assert [found.never_rests(link) for link in found.links] == [True, False, False, False]


def test_all_devices_of_a_stage_set_the_period_together() -> None:
    found = staffed(pair())
    assert [[found.never_rests(load) for load in team] for team in found.teams] == [
        [False, False],
        [True, True],
    ]


def test_all_links_of_a_medium_set_the_period_together() -> None:
    """8 bytes come over the air to a or b, which are alike, and 1 goes back."""
    units = (Unit("x", (), {"a": 1.0, "b": 1.0}, request_bytes=8, result_bytes=1),)
    air = Board("a", client_bytes_per_second=4.0, medium="air")
    problem = Problem(units, (air, replace(air, name="b")))
    found = staff(problem, Staffed(problem, [0], {0: (0, 1)}).placement(0.0))
    assert found.period == pytest.approx(9 / 4)
    assert [(link.ends, link.media) for link in found.links] == [
        ((CLIENT, 0), ("air",)),
        ((CLIENT, 1), ("air",)),
        ((0, CLIENT), ("air",)),
        ((1, CLIENT), ("air",)),
    ]
    assert all(map(found.never_rests, found.links))
    assert not any(found.never_rests(load) for load in found.teams[0])
    slow = replace(problem, units=(replace(units[0], seconds={"a": 9.0, "b": 9.0}),))
    found = staff(slow, Staffed(slow, [0], {0: (0, 1)}).placement(0.0))
    assert not any(map(found.never_rests, found.links))


def test_the_stages_that_one_reads_from() -> None:
    found = staffed(pair(*every_link()))
    assert [found.reads(0), found.reads(1)] == [(), (0,)]


@pytest.mark.once
@given(problems())
def test_something_sets_every_period_and_nothing_is_busier(problem: Problem) -> None:
    try:
        found = staff(problem, place_shared(problem))
    except CannotPlace:
        assume(False)
    everything: list[Load | Link] = [*(load for team in found.teams for load in team), *found.links]
    assert all(one.busy <= found.period * SAME for one in everything)
    assert any(map(found.never_rests, everything)) == (found.period > 0)
