"""The planner beside one that tries everything: 2,000 problems, and planners that are broken."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.place import place
from edgechain.plan.score import score
from edgechain.plan.search import best_owner
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.broken import BROKEN, patient
from tests.plan.check import ROUNDING, Planner, comes_to, faults, owner_of, same_number
from tests.plan.exhaustive import Judge, Owner
from tests.plan.instances import larger_net, longer_row, planted_net, problems, seeded
from tests.plan.textbook import textbook

pytestmark = pytest.mark.once

BLOCKS = 8
EACH = 250
"""Problems of a block; the blocks share the processors."""

OWNERS = 12
"""Placements of each problem that are scored, allowed or not."""

CONTROLS = range(400)
"""Seeds among which every broken planner is to be caught."""

PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY


def wrong_scores(judge: Judge) -> Iterator[tuple[Owner, str]]:
    """Placements of which ``score`` says something else than the judge."""
    random = Random(judge.problem.name)
    for _ in range(OWNERS):
        owner = any_owner(random, judge.problem)
        cost = judge.cost(owner)
        try:
            found = score(judge.problem, owner)
        except CannotPlace as refusal:
            if cost is not None:
                yield owner, f"{refusal}, and it comes to {cost}"
        else:
            if cost is None or not comes_to(found, cost):
                yield owner, f"{found}, and it comes to {cost}"


def any_owner(random: Random, problem: Problem) -> Owner:
    """A placement; every other one has no circle."""
    boards = random.sample(range(len(problem.boards)), len(problem.boards))
    owner = random.choices(boards, k=len(problem.units))
    return tuple(sorted(owner, key=boards.index) if random.random() < 0.5 else owner)


def seen(judge: Judge) -> Iterator[str]:
    """What kind of problem it is."""
    problem = judge.problem
    yield "row" if problem.is_chain else "net"
    yield "free sending" if problem.wires is None else "links"
    if any(board.memory_bytes is not None for board in problem.boards):
        yield "memory"
    if any(len(unit.seconds) < len(problem.boards) for unit in problem.units):
        yield "cannot run everywhere"
    if any(board.stage_seconds or board.pays_for_bytes for board in problem.boards):
        yield "devices pay"
    if any(unit.request_bytes or unit.result_bytes for unit in problem.units):
        yield "client"
    if not judge.best:
        yield "nothing fits"
    for objective, (_, owner) in judge.best.items():
        yield f"{objective} splits" if len(set(owner)) > 1 else f"{objective} does not split"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_never_worse_than_trying_everything(block: int) -> None:
    kinds: Counter[str] = Counter()
    wrong: list[object] = []
    for seed in range(EACH * block, EACH * (block + 1)):
        judge = Judge(seeded(seed))
        kinds.update(seen(judge))
        wrong += [(seed, *found) for found in wrong_scores(judge)]
        for objective in Objective:
            wrong += [(seed, objective, str(it)) for it in faults(judge, objective, place)]
    assert not wrong, f"{len(wrong)} faults, the first of them: {wrong[:5]}"
    assert len(kinds) == 13, f"no problem of some kind: {kinds}"
    assert min(kinds.values()) >= EACH // 10, f"few problems of some kind: {kinds}"


@given(problems(), st.sampled_from(Objective))
def test_right_about_whatever_is_invented(problem: Problem, objective: Objective) -> None:
    assert faults(Judge(problem), objective, place) == []


@pytest.mark.parametrize("planner", BROKEN, ids=lambda planner: planner.__name__)
def test_a_broken_planner_is_caught(planner: Planner) -> None:
    """Control: the same check, the same problems; and for what is wrong with it."""
    assert any(BROKEN[planner] in caught for caught in every_fault(planner))


def test_a_planner_that_tries_everything_is_not_caught() -> None:
    assert not any(every_fault(patient))


def every_fault(planner: Planner) -> Iterator[list[object]]:
    judges = (Judge(seeded(seed)) for seed in CONTROLS)
    return (list(faults(judge, objective, planner)) for judge in judges for objective in Objective)


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize("block", range(4))
def test_a_longer_row_is_placed_as_by_the_textbook(block: int, objective: Objective) -> None:
    for seed in range(20 * block, 20 * (block + 1)):
        problem = longer_row(seed)
        best = textbook(problem, objective)
        if math.isinf(best):
            with pytest.raises(CannotPlace):
                place(problem, objective)
            continue
        found = place(problem, objective)
        owner = owner_of(problem, found)
        cost = owner and Judge(problem).cost(owner)
        assert cost, f"{problem.name}: not allowed: {found}"
        assert comes_to(found.score, cost), problem.name
        assert same_number(cost.of(objective), best), f"{problem.name}: {found}, best {best}"
        assert found.is_exact, problem.name


def test_the_textbook_is_right() -> None:
    for seed in range(150):
        judge = Judge(seeded(seed))
        known = judge.problem.is_chain and not judge.problem.media
        for objective in Objective if known else ():
            best = judge.best[objective][0] if judge.best else math.inf
            assert same_number(textbook(judge.problem, objective), best), (seed, objective)


@pytest.mark.parametrize("block", range(4))
def test_a_larger_net_is_never_placed_worse(block: int) -> None:
    wrong: list[object] = []
    for seed in range(25 * block, 25 * (block + 1)):
        judge = Judge(larger_net(seed))
        for objective in Objective:
            wrong += [(seed, objective, str(it)) for it in faults(judge, objective, place)]
    assert not wrong, f"{len(wrong)} faults, the first of them: {wrong[:5]}"


def unit(name: str, inputs: str, *seconds: float, sends: int = 0) -> Unit:
    """A unit that reads those of one-letter names; its work on the devices a, b, c and so on."""
    return Unit(name, tuple(inputs), dict(zip("abcd", seconds, strict=False)), output_bytes=sends)


def asked(units: Sequence[Unit], wires: tuple[Wire, ...] | None = None) -> Problem:
    """These units, on the devices that the first of them knows."""
    return Problem(tuple(units), tuple(map(Board, units[0].seconds)), wires)


@pytest.mark.parametrize("seed", range(6))
def test_what_was_planted_is_found(seed: int) -> None:
    """Too large to try everything; but one placement is known, and that it is the best."""
    problem = planted_net(seed, boards=4, each=8)
    planted = tuple(at // 8 for at in range(32))
    assert same_number(score(problem, planted).period, 1)
    found = place(problem, PERIOD)
    assert found.lower_bound <= 1 + ROUNDING
    assert same_number(found.score.period, 1)


def both_ways(bytes_per_second: float) -> tuple[Wire, ...]:
    """A link from a to b, and back."""
    return Wire("a", "b", bytes_per_second), Wire("b", "a", bytes_per_second)


def diamond(boards: int) -> Problem:
    """Two branches of the same length, on equal devices."""
    takes = (("i", "", 1), ("l", "i", 4), ("r", "i", 4), ("o", "lr", 1))
    return asked([unit(name, reads, *[work] * boards) for name, reads, work in takes])


def test_one_device_has_it_all() -> None:
    found = place(asked([unit("x", "", 1), unit("y", "x", 1), unit("z", "y", 1)]), LATENCY)
    assert not found.is_split
    assert (found.score.period, found.score.latency, found.is_exact) == (3, 3, True)


@pytest.mark.parametrize(("boards", "latency"), [(1, 10), (2, 10), (3, 10), (4, 6)])
def test_branches_run_side_by_side_when_that_is_sooner(boards: int, latency: float) -> None:
    """Groups run whole: a branch that is with the fork or the join does not run beside another."""
    assert place(diamond(boards), LATENCY).score.latency == latency


def test_a_group_is_not_left_and_entered_again() -> None:
    """The first and the last unit would fit together best; they would wait for the middle."""
    problem = asked([unit("x", "", 1, 9), unit("y", "x", 9, 1), unit("z", "y", 1, 9)])
    assert place(problem, PERIOD).score.period == 10
    with pytest.raises(CannotPlace):
        score(problem, (0, 1, 0))


@pytest.mark.parametrize(("bytes_per_second", "last"), [(10, "z"), (1000, "yz")])
def test_the_widest_cut_does_not_cross_a_slow_link(bytes_per_second: float, last: str) -> None:
    row = (unit("x", "", 2, 9, sends=100), unit("y", "x", 2, 1, sends=1), unit("z", "y", 2, 1))
    problem = asked(row, both_ways(bytes_per_second))
    *_, share = place(problem, PERIOD).shares
    assert problem.boards[share.board].name == "b"
    assert "".join(problem.units[at].name for at in share.units) == last


@pytest.mark.parametrize("objective", Objective)
def test_a_fast_device_stays_alone_where_links_are_slow(objective: Objective) -> None:
    row = [unit(name, reads, 1, 4, sends=50) for name, reads in (("x", ""), ("y", "x"))]
    found = place(asked(row, both_ways(10)), objective)
    assert not found.is_split
    assert found.score.value(objective) == 2


def test_a_tensor_crosses_once_to_each_device() -> None:
    fan = [unit("x", "", 1, 1, sends=8)]
    fan += [unit(name, reads, 1, 1) for name, reads in (("y", "x"), ("z", "xy"), ("w", "x"))]
    problem = asked(fan, both_ways(2))
    assert score(problem, (0, 1, 1, 1)).period == 4
    assert score(problem, (0, 1, 1, 0)).period == 4


def test_who_waits_waits_for_a_message_also_when_it_is_empty() -> None:
    problem = asked([unit("x", "", 1, 1), unit("y", "x", 1, 1)], (Wire("a", "b", 1, 7.0),))
    found = score(problem, (0, 1))
    assert (found.period, found.latency) == (7, 9)
    with pytest.raises(CannotPlace):
        score(problem, (1, 0))


def test_a_score_names_what_the_period_comes_from() -> None:
    row = (
        Unit("x", (), {"pi-left": 1.0, "pi-right": 1.0}, output_bytes=9),
        Unit("y", ("x",), {"pi-left": 5.0, "pi-right": 5.0}),
    )
    problem = Problem(row, (Board("pi-left"), Board("pi-right")), (Wire("pi-left", "pi-right", 1),))
    link = score(problem, (0, 1)).limits
    assert "pi-left" in link
    assert "pi-right" in link
    device = score(problem, (1, 1)).limits
    assert "pi-right" in device
    assert "pi-left" not in device


def test_a_device_pays_for_its_stage_and_for_its_bytes() -> None:
    fan = (unit("x", "", 1, 1, 1, sends=10), unit("y", "x", 1, 1, 1), unit("z", "x", 1, 1, 1))
    boards = (Board("a", None, 2.0, 0.5, 0.0), Board("b", None, 0.0, 0.0, 0.1), Board("c"))
    problem = Problem(fan, boards)
    apart = score(problem, (0, 1, 2))
    assert (apart.period, apart.latency) == (13, 15), "sent twice; what it received costs b"
    assert score(problem, (0, 0, 0)).period == 5
    assert score(problem, (2, 2, 2)).period == 3, "who has nothing to do pays nothing"


def test_what_shares_a_medium_goes_over_it_one_after_the_other() -> None:
    row = (
        unit("x", "", 1, 1, 1, sends=20),
        unit("y", "x", 1, 1, 1, sends=20),
        unit("z", "y", 1, 1, 1),
    )
    ends = (("a", "b"), ("b", "c"))
    boards = tuple(Board(name, medium="air") for name in "abc")
    problem = Problem(row, boards, tuple(Wire(*pair, bytes_per_second=10) for pair in ends))
    apart = score(problem, (0, 1, 2))
    assert (apart.period, apart.limits) == (4, "medium air")
    wired = replace(problem, boards=(*boards[:2], Board("c")))
    assert score(wired, (0, 1, 2)).period == 4, "to c, too, it leaves through the air"
    assert score(replace(problem, boards=tuple(map(Board, "abc"))), (0, 1, 2)).period == 2
    assert place(problem, PERIOD).score.period == 2, "one of the two ways over it"


def test_a_long_row_crosses_a_shared_medium_less() -> None:
    """A device more would help, were there only its own link to cross."""
    names = [f"u{place}" for place in range(90)]
    reads = [(), *((name,) for name in names[:-1])]
    row = tuple(
        Unit(name, read, dict.fromkeys("abc", 1.0), output_bytes=40)
        for name, read in zip(names, reads, strict=True)
    )
    wires = tuple(Wire(a, b, 1.0) for a in "abc" for b in "abc" if a != b)
    boards = tuple(Board(name, medium="air") for name in "abc")
    assert place(Problem(row, tuple(map(Board, "abc")), wires), PERIOD).score.period == 40
    found = place(Problem(row, boards, wires), PERIOD)
    assert (len(found.shares), found.score.period) == (2, 45)


ONLY_A, ONLY_B = {"a": 1.0}, {"b": 1.0}
BOARDS = (Board("a", 1), Board("b", 1))


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize(
    "problem",
    [
        Problem((Unit("x", (), {}),), BOARDS),
        Problem((Unit("x", (), ONLY_A, memory_bytes=2),), BOARDS),
        Problem((Unit("x", (), ONLY_B), Unit("y", ("x",), ONLY_A)), BOARDS, (Wire("a", "b", 1),)),
        Problem(
            (Unit("x", (), ONLY_A), Unit("y", ("x",), ONLY_B), Unit("z", ("y",), ONLY_A)), BOARDS
        ),
    ],
    ids=["nobody can", "no memory", "no link", "a circle"],
)
def test_where_nothing_fits(problem: Problem, objective: Objective) -> None:
    with pytest.raises(CannotPlace) as caught:
        place(problem, objective)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_units_without_end_and_without_a_choice_are_placed() -> None:
    """Each of them can run on one of the devices only."""
    units = tuple(Unit(f"u{at}", (), {"ab"[at % 2]: 0.001}) for at in range(1_100))
    found = place(Problem(units, (Board("a"), Board("b"))), Objective.THROUGHPUT)
    assert found.score.period == pytest.approx(0.55)
    assert found.is_exact


def test_a_search_that_would_be_too_deep_is_not_begun() -> None:
    units = tuple(Unit(f"u{at}", (), {"a": 0.001, "b": 0.003}) for at in range(1_100))
    problem = Problem(units, (Board("a"), Board("b")))
    found = best_owner(problem, Objective.THROUGHPUT)
    assert found.owner is None
    assert 0 < found.bound <= place(problem, Objective.THROUGHPUT).score.period
