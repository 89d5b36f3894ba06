"""Placing with copies beside trying everything: 1,000 problems, and planners that are broken."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from edgechain.errors import CannotPlace
from edgechain.plan.copies import Staffed
from edgechain.plan.place import place
from edgechain.plan.sharing import place_with_copies
from edgechain.plan.teams import as_devices, teamings
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.check import same_number
from tests.plan.check_copies import (
    BROKEN_WITH_COPIES,
    CopiesPlanner,
    faults_with_copies,
    planned,
)
from tests.plan.exhaustive_copies import CopiesJudge
from tests.plan.instances import few_units, planted_net, problems

pytestmark = pytest.mark.once

PERIOD = Objective.THROUGHPUT
BLOCKS, EACH = 4, 250

NOT_FOUND = 1
"""In so many problems of a block something better may be left: nobody says that it is the best."""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_copies_come_to_what_is_said_and_nearly_always_to_the_best(block: int) -> None:
    kinds: Counter[str] = Counter()
    wrong: list[object] = []
    missed = 0
    planner, said = remembering(planned)
    for seed in range(EACH * block, EACH * (block + 1)):
        judge = CopiesJudge(few_units(seed))
        wrong += [(seed, str(it)) for it in faults_with_copies(judge, planner)]
        if judge.best is not None:
            found = said[-1]
            kinds.update([f"copies: {found.has_copies}", f"exact: {found.is_exact}"])
            missed += is_missed(judge, found)
    assert not wrong, f"{len(wrong)} faults, the first of them: {wrong[:5]}"
    assert missed <= NOT_FOUND
    assert len(kinds) == 4, kinds
    assert min(kinds.values()) >= EACH // 10, kinds


def remembering(planner: CopiesPlanner) -> tuple[CopiesPlanner, list[Placement]]:
    """The same planner, and a list that gets what it answers."""
    said: list[Placement] = []

    def plan(problem: Problem) -> Placement:
        said.append(planner(problem))
        return said[-1]

    return plan, said


def is_missed(judge: CopiesJudge, found: Placement) -> bool:
    """Whether there is a better one."""
    return judge.best is not None and not same_number(found.score.period, judge.best)


@pytest.mark.parametrize("less", [{"looks": 0}, {"teams": 0}], ids=str)
def test_a_search_that_looks_at_less_misses_more(less: dict[str, int]) -> None:
    """Control: without the moves, or without the teams, the same count is not reached."""
    missed = 0
    for seed in range(EACH):
        judge = CopiesJudge(few_units(seed))
        if judge.best is not None:
            single = place(judge.problem, PERIOD)
            missed += is_missed(judge, place_with_copies(judge.problem, single, **less))
    assert missed > NOT_FOUND


@pytest.mark.parametrize("planner", BROKEN_WITH_COPIES, ids=lambda planner: planner.__name__)
def test_a_broken_planner_is_caught(planner: CopiesPlanner) -> None:
    """Control: the same check, the same problems; and for what is wrong with it."""
    judges = (CopiesJudge(few_units(seed)) for seed in range(EACH))
    assert any(BROKEN_WITH_COPIES[planner] in faults_with_copies(one, planner) for one in judges)


@given(problems())
def test_never_worse_than_without_and_the_bound_is_one(problem: Problem) -> None:
    try:
        single = place(problem, PERIOD)
    except CannotPlace:
        return
    found = place_with_copies(problem, single)
    assert found.score.period <= single.score.period
    assert found.lower_bound <= found.score.period
    assert (
        found.has_copies
        or found.shares == single.shares
        or found.score.period < single.score.period
    )


def row(*work: float, boards: str, memory: int | None = None, size: int = 0) -> Problem:
    """Units of one byte in a row, as quick on every device, on free links."""
    units = tuple(
        Unit(f"u{at}", (f"u{at - 1}",) if at else (), dict.fromkeys(boards, one), 1, size)
        for at, one in enumerate(work)
    )
    return Problem(units, tuple(Board(name, memory) for name in boards))


def test_everything_on_every_device_is_proved_to_be_the_best() -> None:
    found = planned(row(1.0, 4.0, 1.0, boards="abc"))
    (share,) = found.shares
    assert share.boards == (0, 1, 2)
    assert (found.score.period, found.score.latency) == (2.0, 6.0)
    assert found.score.limits == "devices a, b and c"
    assert found.is_exact


def test_the_slowest_stage_gets_the_device_that_is_left() -> None:
    """No device can hold everything, and the long unit cannot be cut."""
    problem = row(1.0, 1.0, 4.0, boards="abc", memory=2)
    assert place(problem, PERIOD).score.period == 4
    found = planned(problem)
    assert [(share.units, len(share.boards)) for share in found.shares] == [((0, 1), 1), ((2,), 2)]
    assert found.score.period == 2
    assert found.is_exact


def test_cuts_are_made_for_the_copies() -> None:
    """Two devices would share it at 3 and 1 + 2; with two for the first part it is 3 + 1 and 2."""
    found = planned(row(3.0, 1.0, 2.0, boards="abc", memory=2))
    assert [(share.units, len(share.boards)) for share in found.shares] == [((0, 1), 2), ((2,), 1)]
    assert found.score.period == 2


def test_a_device_that_brings_nothing_stays_unused() -> None:
    problem = row(3.0, boards="abc")
    slow = Wire("a", "b", 1.0, 100.0)
    units = (*problem.units, Unit("last", ("u0",), {"b": 5.0}))
    found = planned(Problem(units, problem.boards, (slow, Wire("c", "b", 1.0))))
    assert [share.boards for share in found.shares] == [(2,), (1,)]
    assert found.score.period == 5


def test_what_fits_nowhere_is_refused() -> None:
    with pytest.raises(CannotPlace):
        planned(row(1.0, 1.0, boards="a", memory=1))


def test_a_net_that_fills_all_devices_gets_no_copies() -> None:
    problem = planted_net(0, boards=3, each=5)
    found = planned(problem)
    assert found.score.period == pytest.approx(1)
    assert found.lower_bound <= found.score.period


def test_devices_are_dealt_in_every_way_and_those_alike_are_one() -> None:
    assert len(teamings(row(1.0, boards="abcd"), 99)) == 5, "4, 3+1, 2+2, 2+1+1, 1+1+1+1"
    seconds = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    unlike = Problem((Unit("x", (), seconds),), tuple(map(Board, seconds)))
    found = teamings(unlike, 99)
    assert len(found) == 15
    assert [len(teams) for teams in found] == sorted(len(teams) for teams in found)
    assert all(sorted(b for team in teams for b in team) == [0, 1, 2, 3] for teams in found)


def test_a_team_is_as_fast_as_its_members_together() -> None:
    """What is said of a problem with teams is what copies come to, but for what a stage costs."""
    units = (
        Unit("x", (), {"a": 2.0, "b": 6.0}, output_bytes=10),
        Unit("y", ("x",), {"a": 1.0, "b": 3.0, "c": 9.0}),
    )
    wires = (Wire("a", "c", 10.0, 1.0), Wire("b", "c", 10.0, 1.0), Wire("c", "a", 1.0))
    for stage in (0.0, 0.4):
        boards = (Board("a", 100, stage), Board("b", 50, stage), Board("c"))
        problem = Problem(units, boards, wires)
        teams = as_devices(problem, [(0, 1), (2,)])
        exact = Staffed(problem, [0, 2], {0: (0, 1), 2: (2,)}).times()
        assert (teams.units[0].seconds, teams.boards[0].memory_bytes) == ({"0": 1.5}, 50)
        assert teams.boards[0].stage_seconds == pytest.approx(stage / 2)
        (wire,) = teams.wires or ()
        if not stage:
            assert exact[0][0] == 1.5
            assert wire.carries(10) == pytest.approx(max(s for s, what in exact if "link" in what))
