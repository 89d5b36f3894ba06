"""Several stages on a device: never worse, sometimes much better, and no device in two places."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import lower_bound
from edgechain.plan.place import place
from edgechain.plan.schedule import schedule, staged_score
from edgechain.plan.score import score, shares, work_of
from edgechain.plan.stages import stages, with_more_stages
from edgechain.plan.timeline import timeline
from edgechain.spec.plan import Share
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.check import same_number
from tests.plan.exhaustive import Judge
from tests.plan.instances import problems

pytestmark = pytest.mark.once

LATENCY = Objective.LATENCY


def diamond(boards: str) -> Problem:
    """Two branches of the same length between little work, on equal devices."""
    takes = (("i", "", 1.0), ("l", "i", 4.0), ("r", "i", 4.0), ("o", "lr", 1.0))
    units = tuple(
        Unit(name, tuple(reads), dict.fromkeys(boards, work)) for name, reads, work in takes
    )
    return Problem(units, tuple(map(Board, boards)), several_stages=True)


def test_a_branch_travels_and_all_else_stays() -> None:
    problem = diamond("ab")
    found = place(problem, LATENCY)
    assert found.score.latency == 6
    assert [(share.board, share.units) for share in found.shares] == [
        (0, (0,)),
        (0, (2,)),
        (1, (1,)),
        (0, (3,)),
    ]
    assert found.is_split
    assert found.is_exact, "the longest path is as long"


def test_with_one_stage_a_device_two_devices_are_no_help() -> None:
    """Control."""
    units = diamond("ab")
    one_stage = Problem(units.units, units.boards)
    assert place(one_stage, LATENCY).score.latency == 10


@given(problems(), st.randoms(use_true_random=False))
def test_one_stage_a_device_comes_to_what_is_scored(problem: Problem, random: Random) -> None:
    owner = [random.randrange(len(problem.boards)) for _ in problem.units]
    try:
        known = score(problem, owner)
    except CannotPlace:
        assume(False)
    found = staged_score(problem, shares(problem, owner))
    assert same_number(found.period, known.period)
    assert same_number(found.latency, known.latency)


@given(problems(), st.randoms(use_true_random=False))
def test_stages_are_in_order_and_a_device_does_one_thing_at_a_time(
    problem: Problem, random: Random
) -> None:
    owner = [random.randrange(len(problem.boards)) for _ in problem.units]
    made = stages(problem, owner)
    check_shares(problem, made)
    assert {unit: share.board for share in made for unit in share.units} == dict(enumerate(owner))
    try:
        work_of(problem, owner)
        times = schedule(problem, made)
    except CannotPlace:
        assume(False)
    for one, other in itertools.combinations(range(len(made)), 2):
        if made[one].board == made[other].board:
            first, last = sorted((one, other), key=lambda place: times.starts[place])
            assert times.end(first) <= times.starts[last] or times.busy[first] == 0


def check_shares(problem: Problem, made: tuple[Share, ...]) -> None:
    """Every unit once, behind all that it reads."""
    stage = {unit: at for at, share in enumerate(made) for unit in share.units}
    assert sorted(unit for share in made for unit in share.units) == list(range(len(problem.units)))
    for unit, reads in enumerate(problem.reads):
        assert all(stage[read] <= stage[unit] for read in reads)


@given(problems())
def test_never_worse_than_one_stage_a_device_and_never_below_the_bound(problem: Problem) -> None:
    try:
        known = place(problem, LATENCY)
    except CannotPlace:
        assume(False)
    found = with_more_stages(problem, known)
    check_shares(problem, found.shares)
    assert found.score.latency <= known.score.latency
    assert found.lower_bound <= found.score.latency
    assert found.score.latency >= lower_bound(problem, LATENCY) * (1 - 1e-9)
    claimed = staged_score(problem, found.shares)
    assert same_number(claimed.latency, found.score.latency)
    assert same_number(claimed.period, found.score.period)
    time = timeline(problem, found)
    ends = [*(work.end for work in time.works), *(message.end for message in time.messages)]
    assert same_number(time.latency, max(ends))


def test_few_small_problems_are_placed_worse_than_by_trying_everything() -> None:
    """Every owner there is, in the stages that follow from it."""
    ratios = []
    for seed in range(60):
        problem = small_net(Random(f"stages {seed}"))
        found = place(problem, LATENCY).score.latency
        assert found <= Judge(problem).best[LATENCY][0] * (1 + 1e-9)
        ratios.append(found / best_in_stages(problem))
    assert sum(ratio > 1.15 for ratio in ratios) <= 6
    assert max(ratios) <= 1.5


def small_net(random: Random) -> Problem:
    """Seven units that read one or two others, on two unlike devices."""
    units = tuple(
        Unit(
            f"u{at}",
            tuple(f"u{r}" for r in random.sample(range(at), min(at, random.choice((1, 1, 2))))),
            {name: random.uniform(1, 4) for name in "ab"},
            output_bytes=random.randint(0, 3),
        )
        for at in range(7)
    )
    wires = (Wire("a", "b", 4.0, 0.1), Wire("b", "a", 4.0, 0.1))
    return Problem(units, (Board("a"), Board("b")), wires, several_stages=True)


def best_in_stages(problem: Problem) -> float:
    """The least latency of all owners."""
    owners = itertools.product(range(2), repeat=len(problem.units))
    return min(staged_score(problem, stages(problem, list(owner))).latency for owner in owners)
