"""Several stages on a device: never worse, sometimes much better, and no device in two places."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import lower_bound
from edgechain.plan.explain import proof, verdict
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

LATENCY, PERIOD = Objective.LATENCY, Objective.THROUGHPUT


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
        ratios.append(found / best_in_stages(problem, LATENCY))
    assert sum(ratio > 1.15 for ratio in ratios) <= 6
    assert max(ratios) <= 1.5


# For a small period -------------------------------------------------------------------------------


def pipeline(*ms: tuple[float, ...], **boards: int) -> Problem:
    """Operators in a row: for each its milliseconds on every device, infinite where it cannot."""
    names = [*boards] or [chr(ord("a") + at) for at in range(len(ms[0]))]
    units = tuple(
        Unit(
            f"u{at}",
            (f"u{at - 1}",) if at else (),
            {name: one / 1000 for name, one in zip(names, each, strict=True) if one < math.inf},
            working_bytes=60,
        )
        for at, each in enumerate(ms)
    )
    return Problem(units, tuple(Board(n, boards.get(n)) for n in names), several_stages=True)


def test_what_one_device_is_bad_at_in_the_middle_goes_to_another() -> None:
    problem = pipeline((1, 200), (100, 1), (1, 200))
    found = place(problem, PERIOD)
    assert [(share.board, share.units) for share in found.shares] == [
        (0, (0,)),
        (1, (1,)),
        (0, (2,)),
    ]
    assert found.score.period == pytest.approx(0.002)
    assert verdict(problem, found).startswith("split over 2 devices: 500 frames/s; 51.00 times")
    one_stage = place(replace(problem, several_stages=False), PERIOD)
    assert one_stage.score.period == pytest.approx(0.102), "control: then one does it all"


def test_a_camera_and_a_display_on_one_device_are_no_reason_to_refuse() -> None:
    """The first and the last are at home on a, which cannot run what is between them."""
    problem = pipeline((1, math.inf), (math.inf, 1), (1, math.inf))
    for objective in Objective:
        found = place(problem, objective)
        assert [share.board for share in found.shares] == [0, 1, 0]
    with pytest.raises(CannotPlace, match="nothing fits"):
        place(replace(problem, several_stages=False), PERIOD)


def test_every_stage_of_a_device_needs_memory_of_its_own() -> None:
    """Each works on 60 bytes: two stages need 120, one with both units 60."""
    rows = ((1, math.inf), (math.inf, 1), (1, math.inf))
    assert place(pipeline(*rows, a=120, b=60), LATENCY).is_split
    with pytest.raises(CannotPlace, match="nothing fits"):
        place(pipeline(*rows, a=119, b=60), LATENCY)


def test_what_is_proved_for_one_stage_a_device_is_not_said_of_all() -> None:
    """50 and 40 ms is the best with one stage each; nobody has proved that for several."""
    problem = pipeline((20, 100), (30, 100), (100, 40))
    found = place(problem, PERIOD)
    assert (found.score.period, found.single_bound) == pytest.approx((0.05, 0.05))
    assert found.lower_bound < 0.05
    assert not found.is_exact
    assert found.is_best_single
    words = proof(found)
    assert words.startswith("proved: no placement with one stage on each device is better; with")
    assert f"{found.gap:.1%} could be gained" in words
    single = place(replace(problem, several_stages=False), PERIOD)
    assert proof(single) == "proved: no placement of these units on these devices is better"


def test_no_period_of_any_stages_is_below_the_bound() -> None:
    """Every owner there is, in the stages that follow from it."""
    better = 0
    for seed in range(60):
        problem = small_net(Random(f"stages {seed}"))
        found = place(problem, PERIOD)
        check_shares(problem, found.shares)
        least = best_in_stages(problem, PERIOD)
        assert found.lower_bound <= least * (1 + 1e-9)
        single = place(replace(problem, several_stages=False), PERIOD)
        assert found.score.period <= single.score.period
        assert same_number(staged_score(problem, found.shares).period, found.score.period)
        assert single.is_exact <= (single.score.period <= (found.single_bound or 0) * (1 + 1e-9))
        better += least * 1.01 < single.score.period
    assert better >= 5, "else several stages were nothing to look for"


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


def best_in_stages(problem: Problem, objective: Objective) -> float:
    """The least of all owners."""
    owners = itertools.product(range(2), repeat=len(problem.units))
    every = (staged_score(problem, stages(problem, list(owner))) for owner in owners)
    return min(one.value(objective) for one in every)
