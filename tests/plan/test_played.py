"""Frames on their way through a plan with copies: nobody does two things at once, or too early."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.copies import Load, Staffed, taken
from edgechain.plan.played import AFTER, BEFORE, Played, played
from edgechain.plan.score import CLIENT
from edgechain.plan.sharing import place_shared
from edgechain.plan.staff import Link, Staff, staff
from edgechain.spec.problem import Board, Problem, Unit
from tests.plan.instances import problems
from tests.plan.test_copies import BOTH, every_link, pair


def copied(seconds: list[float]) -> Staff:
    """One unit on devices that need so long for it."""
    names = [f"d{place}" for place in range(len(seconds))]
    unit = Unit("x", (), dict(zip(names, seconds, strict=True)))
    problem = Problem((unit,), tuple(map(Board, names)))
    return staff(problem, Staffed(problem, [0], {0: tuple(range(len(seconds)))}).placement(0.0))


def pairs() -> Staff:
    """Two stages on two unlike devices each, and a link of half a second between any two."""
    problem = pair(*every_link(0.5))
    return staff(problem, Staffed(problem, [0, 2], BOTH).placement(0.0))


@st.composite
def staffs(draw: st.DrawFn) -> Staff:
    """Up to four stages on up to three devices each, with any links between and to the client."""
    amounts = st.floats(0.1, 5)
    teams: list[tuple[Load, ...]] = []
    for _ in range(draw(st.integers(1, 4))):
        seconds = draw(st.lists(amounts, min_size=1, max_size=3))
        first = sum(map(len, teams))
        teams.append(
            tuple(
                Load(first + at, (), time, time, share)
                for at, (time, share) in enumerate(zip(seconds, taken(seconds), strict=True))
            )
        )
    client = (Load(CLIENT, (), 0.0, 0.0, 1.0),)
    links = []
    for source, target in itertools.product(range(CLIENT, len(teams)), repeat=2):
        if (source < target or target == CLIENT < source) and draw(st.booleans()):
            for a in client if source == CLIENT else teams[source]:
                for b in client if target == CLIENT else teams[target]:
                    stages, seconds_of_one = (source, target), draw(amounts)
                    ends, share = (a.board, b.board), a.takes * b.takes
                    links.append(Link(ends, stages, 1, seconds_of_one, share))
    busy = [*(load.busy for team in teams for load in team), *(link.busy for link in links)]
    return Staff(
        max(busy), sum(load.seconds for team in teams for load in team), tuple(teams), tuple(links)
    )


def test_equal_devices_take_turns_without_a_wait() -> None:
    found = played(copied([10.0, 10.0]))
    one, other = found.starts[0, 0], found.starts[1, 1]
    assert {frame % 2 for frame in one} == {0}
    assert {frame % 2 for frame in other} == {1}
    assert [one[frame] for frame in (-2, 0, 2, 4)] == pytest.approx([-10, 0, 10, 20])
    assert [other[frame] for frame in (-1, 1, 3, 5)] == pytest.approx([-5, 5, 15, 25])
    assert [found.out[frame] for frame in range(4)] == pytest.approx([10, 15, 20, 25])


def test_of_equal_copies_the_first_has_the_first_frame() -> None:
    found = played(copied([10.0] * 8))
    assert [sorted(set(found.starts[at, at]) & set(range(8))) for at in range(8)] == [
        [frame] for frame in range(8)
    ]


def test_the_first_frame_goes_along_the_slowest_route() -> None:
    found = played(pairs())
    assert found.way == ((3, 3), (1, 3), (1, 1))
    assert all(0 in found.starts[where] for where in found.way)
    assert found.out[0] >= 3 + 1.5 + 6


def test_who_never_rests_does_not_rest_and_still_nobody_waits_for_ever() -> None:
    found = played(copied([1.0, 2.0]))
    for board, seconds in ((0, 1.0), (1, 2.0)):
        starts = sorted(found.starts[board, board].values())[-100:]
        gaps = [later - one for one, later in itertools.pairwise(starts)]
        assert gaps == pytest.approx([seconds] * 99)
    waits = [found.out[frame] - frame * 2 / 3 for frame in range(-100, 100)]
    assert max(waits) <= 3


def test_many_frames_enter_before_and_after() -> None:
    found = played(copied([1.0, 2.0]))
    assert min(found.out) <= -BEFORE
    assert max(found.out) == AFTER - 1


def test_a_copy_that_is_much_slower_is_under_way_before() -> None:
    """It takes one of 1,001 frames: the first one drawn is its second, not its first."""
    found = played(copied([1.0, 1000.0]))
    assert min(found.out) <= -1000


def test_what_needs_no_time_needs_none() -> None:
    found = played(copied([0.0, 1.0]))
    assert set(found.starts) == {(0, 0)}
    assert set(found.out.values()) == {0.0}


@pytest.mark.parametrize("seconds", [5e-324, 1e-300, 1e300])
def test_any_amount_can_be_played(seconds: float) -> None:
    for other in (seconds, 1.0):
        found = played(copied([seconds, other]))
        assert all(map(math.isfinite, found.out.values()))


@pytest.mark.once
@given(problems())
def test_any_plan_can_be_played(problem: Problem) -> None:
    try:
        found = staff(problem, place_shared(problem))
    except CannotPlace:
        assume(False)
    check(found, played(found))


@pytest.mark.once
@given(staffs())
def test_stages_of_several_devices_can_be_played(found: Staff) -> None:
    check(found, played(found))


def check(found: Staff, play: Played) -> None:
    check_one_at_a_time(found, play)
    check_inputs(found, play)
    check_shares(found, play)
    check_way(found, play)


def seconds_of(found: Staff) -> dict[tuple[int, int], float]:
    loads = {(load.board, load.board): load.seconds for team in found.teams for load in team}
    return loads | {link.ends: link.seconds for link in found.links}


def rounding(found: Staff) -> float:
    """Of instants that are thousands of periods away from where they are counted from."""
    return 1e-9 * max(found.latency, found.period)


def check_one_at_a_time(found: Staff, play: Played) -> None:
    """No device does two frames at once, no link carries two messages."""
    seconds = seconds_of(found)
    for where, starts in play.starts.items():
        for one, later in itertools.pairwise(sorted(starts.values())):
            assert later >= one + seconds[where] - rounding(found)


def check_inputs(found: Staff, play: Played) -> None:
    """Nothing is sent before it is there, nothing begun before all that it needs has come."""
    seconds, done = seconds_of(found), rounding(found)
    for link in found.links:
        (source, target), (_, reader) = link.ends, link.stages
        for frame, start in play.starts.get(link.ends, {}).items():
            entry = frame * found.period
            if source != CLIENT:
                entry = play.starts[source, source][frame] + seconds[source, source]
            assert start >= entry - done
            if reader != CLIENT:
                assert play.starts[target, target][frame] >= start + seconds[link.ends] - done
    for stage, team in enumerate(found.teams):
        takes = [frame for load in team for frame in play.starts.get((load.board,) * 2, {})]
        assert sorted(takes) == sorted(play.out), "every frame is in every stage once"
        for source in found.reads(stage):
            links = [link for link in found.links if link.stages == (source, stage)]
            sent = [frame for link in links for frame in play.starts.get(link.ends, {})]
            assert sorted(sent) == sorted(play.out)


def check_shares(found: Staff, play: Played) -> None:
    """Every device and link takes its part of all frames."""
    for team in found.teams:
        for load in team:
            count = len(play.starts.get((load.board, load.board), {}))
            assert count == pytest.approx(load.takes * len(play.out), abs=3)
    for link in found.links:
        count = len(play.starts.get(link.ends, {}))
        assert count == pytest.approx(link.takes * len(play.out), abs=8)


def check_way(found: Staff, play: Played) -> None:
    """It ends with the first frame, and goes back to where that one entered."""
    seconds = seconds_of(found)
    assert play.starts[play.way[0]][0] + seconds[play.way[0]] == pytest.approx(play.out[0])
    for later, one in itertools.pairwise(play.way):
        assert one[1] == later[0]
        assert play.starts[one][0] + seconds[one] <= play.starts[later][0] + rounding(found)
    source, target = play.way[-1]
    assert source in (CLIENT, target)
