"""Plans of which none is better in both ways, beside trying everything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from edgechain.errors import CannotPlace
from edgechain.plan.capped import CappedWay
from edgechain.plan.front import Point, front, is_solved, undominated
from edgechain.plan.line import Line
from edgechain.plan.place import place
from edgechain.plan.score import score
from edgechain.spec.problem import Board, Objective, Problem, Unit
from tests.plan.check import same_number
from tests.plan.exhaustive import Judge
from tests.plan.instances import longer_row, row, seeded, shaped

pytestmark = pytest.mark.once

EVERYTHING = 1000
"""More points than any small problem has."""


def small_row(seed: int) -> Problem:
    """A row of 2 to 6 units on 2 to 4 devices."""
    random = Random(f"row for a front {seed}")
    boards = random.choice((2, 3, 3, 4))
    return shaped(random, row(random, random.randint(2, 6)), boards, f"small row, seed {seed}")


def is_provable(problem: Problem) -> bool:
    """Whether it is a chain, and nothing shares a medium."""
    return problem.is_chain and not problem.media


def whole_front(problem: Problem) -> list[tuple[float, float]]:
    """By trying everything: period and latency of what nothing beats or equals in both."""
    costs = sorted({(cost.period, cost.latency) for _, cost in Judge(problem).allowed()})
    found: list[tuple[float, float]] = []
    for period, latency in costs:
        if not found or latency * (1 + 1e-9) < found[-1][1]:
            found.append((period, latency))
    return found


def are_the_same(points: Sequence[Point], best: Sequence[tuple[float, float]]) -> bool:
    return len(points) == len(best) and all(
        same_number(point.period, period) and same_number(point.latency, latency)
        for point, (period, latency) in zip(points, best, strict=True)
    )


@pytest.mark.parametrize("block", range(4))
def test_the_front_of_a_chain_is_the_one_that_is_found_by_trying_everything(block: int) -> None:
    wrong, sizes = [], []
    for seed in range(200 * block, 200 * (block + 1)):
        problem = small_row(seed)
        best = whole_front(problem)
        if not best:
            with pytest.raises(CannotPlace):
                front(problem)
            continue
        found = front(problem, EVERYTHING)
        assert found.is_proved == is_provable(problem)
        if found.is_proved:
            sizes.append(len(best))
            if not are_the_same(found.points, best) or found.has_more:
                wrong.append((seed, best, found))
        for point in found.points:
            told = score(problem, point.owner)
            assert (told.period, told.latency) == (point.period, point.latency)
    assert not wrong, f"{len(wrong)} are wrong, the first of them: {wrong[:2]}"
    assert max(sizes) >= 4
    assert sum(size > 1 for size in sizes) > 30, sizes


def only_the_ends(problem: Problem) -> Sequence[Point]:
    return front(problem, 2).points


def blind_to_links(problem: Problem) -> Sequence[Point]:
    """It knows what its plans come to, where they are allowed."""
    return undominated(known(problem, front(replace(problem, wires=None), EVERYTHING).points))


def blind_to_the_client(problem: Problem) -> Sequence[Point]:
    """It knows what its plans come to."""
    units = (replace(unit, request_bytes=0, result_bytes=0) for unit in problem.units)
    points = front(replace(problem, units=tuple(units)), EVERYTHING).points
    return undominated(known(problem, points))


def takes_every_cap(problem: Problem) -> Sequence[Point]:
    """The shortest way under each of a few periods, and not what is smallest for that way."""
    way = CappedWay(Line(problem))
    fast, short = (place(problem, objective).score.period for objective in Objective)
    caps = (fast + (short - fast) * part / 4 for part in range(5))
    owners = [owner for cap in caps if (owner := way.find(cap)) is not None]
    return undominated(known(problem, [Point(0.0, 0.0, owner) for owner in owners]))


def known(problem: Problem, points: Sequence[Point]) -> Iterator[Point]:
    for point in points:
        with contextlib.suppress(CannotPlace):
            found = score(problem, point.owner)
            yield Point(found.period, found.latency, point.owner)


@pytest.mark.parametrize(
    "walk", [only_the_ends, blind_to_links, blind_to_the_client, takes_every_cap]
)
def test_a_front_that_is_wrong_is_caught(walk: Callable[[Problem], Sequence[Point]]) -> None:
    """Control: the same comparison, on the same problems."""
    caught = 0
    for problem in filter(is_provable, map(small_row, range(300))):
        if best := whole_front(problem):
            caught += not are_the_same(walk(problem), best)
    assert caught > 2


@pytest.mark.parametrize("most", [2, 3, 5])
def test_of_many_points_some_are_shown_and_that_there_are_more_is_said(most: int) -> None:
    seen = set()
    for seed in range(60):
        problem = longer_row(seed)
        try:
            every = front(problem, EVERYTHING)
        except CannotPlace:
            continue
        some = front(problem, most)
        assert not every.has_more
        assert some.has_more == (len(every.points) > most)
        assert len(some.points) == min(most, len(every.points))
        known = [(point.period, point.latency) for point in every.points]
        for point in some.points:
            assert any(
                same_number(point.period, p) and same_number(point.latency, q) for p, q in known
            )
        assert same_number(some.points[0].period, known[0][0])
        assert same_number(some.points[-1].latency, known[-1][1])
        seen.add(some.has_more)
    assert seen == {True, False}


def test_nothing_that_is_known_of_a_net_beats_its_front() -> None:
    nets = 0
    for seed in range(300):
        problem = seeded(seed)
        if problem.is_chain:
            continue
        try:
            found = front(problem)
        except CannotPlace:
            continue
        nets += 1
        assert not found.is_proved
        assert list(found.points) == undominated(found.points)
        judge = Judge(problem)
        for point in found.points:
            cost = judge.cost(tuple(point.owner))
            assert cost is not None
            assert same_number(cost.period, point.period)
            assert same_number(cost.latency, point.latency)
    assert nets > 50


def test_the_ends_are_the_plans_for_either_objective() -> None:
    for seed in range(150):
        problem = longer_row(seed) if seed % 2 else seeded(seed)
        try:
            found = front(problem).points
        except CannotPlace:
            continue
        fast, short = (place(problem, objective).score for objective in Objective)
        assert same_number(found[0].period, fast.period)
        assert same_number(found[-1].latency, short.latency)
        assert found[0].latency <= fast.latency * (1 + 1e-9)
        assert found[-1].period <= short.period * (1 + 1e-9)


def test_a_period_caps_every_run_and_every_crossing() -> None:
    for seed in range(150):
        problem = small_row(seed)
        if not is_provable(problem):
            continue
        way, judge = CappedWay(Line(problem)), Judge(problem)
        for cap in (0.5, 2.0, 5.0):
            allowed = [cost.latency for _, cost in judge.allowed() if cost.period <= cap]
            owner = way.find(cap)
            assert (owner is None) == (not allowed), (seed, cap)
            if owner is not None:
                found = score(problem, owner)
                assert found.period <= cap * (1 + 1e-9)
                assert same_number(found.latency, min(allowed))


def test_what_shares_a_medium_is_looked_at_and_not_proved() -> None:
    """Its points are real ones that do not beat each other, and the ends are the planner's."""
    seen = 0
    for seed in range(300):
        problem = small_row(seed)
        if not problem.media or not whole_front(problem):
            continue
        found, judge = front(problem, EVERYTHING), Judge(problem)
        assert not found.is_proved
        assert list(found.points) == undominated(found.points)
        for point in found.points:
            cost = judge.cost(tuple(point.owner))
            assert cost is not None
            assert same_number(cost.period, point.period)
            assert same_number(cost.latency, point.latency)
        fast, short = (place(problem, objective).score for objective in Objective)
        assert same_number(found.points[0].period, fast.period)
        assert same_number(found.points[-1].latency, short.latency)
        seen += len(found.points) > 1
    assert seen > 5


def test_the_client_may_want_another_device_first() -> None:
    """a is the quicker one, but 8 bytes take four seconds on their way there."""
    units = (Unit("x", (), {"a": 1.0, "b": 2.0}, request_bytes=8),)
    boards = (Board("a", client_bytes_per_second=2.0), Board("b", client_bytes_per_second=8.0))
    points = front(Problem(units, boards)).points
    assert [(point.period, point.latency, point.owner) for point in points] == [(2.0, 3.0, [1])]


def test_what_beats_nobody_is_left_out() -> None:
    points = [Point(1, 9, []), Point(2, 9, [1]), Point(2, 5, []), Point(3, 5, []), Point(3, 4, [])]
    assert [(p.period, p.latency) for p in undominated(points)] == [(1, 9), (2, 5), (3, 4)]


def test_a_chain_that_is_too_long_is_not_solved() -> None:
    units = tuple(Unit(f"u{n}", (f"u{n - 1}",) if n else (), {"a": 1.0}) for n in range(1200))
    boards = tuple(Board(name) for name in "abcdef")
    assert is_solved(Problem(units[:100], boards))
    assert not is_solved(Problem(units, boards))
