"""When who does what, beside what a placement is scored with."""

from __future__ import annotations

import pytest
from hypothesis import assume, given

from edgechain.errors import CannotPlace
from edgechain.plan.place import place
from edgechain.plan.score import CLIENT, placement
from edgechain.plan.timeline import Message, Timeline, Work, timeline
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.check import same_number
from tests.plan.instances import problems

PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY


def fork() -> Problem:
    """x on a feeds y on b and z on c; both feed w on b, so b waits for c."""
    units = (
        Unit("x", (), {"a": 2.0}, output_bytes=10),
        Unit("y", ("x",), {"c": 4.0}, output_bytes=20),
        Unit("w", ("x", "y"), {"b": 3.0}),
    )
    wires = tuple(Wire(p, q, 10.0, 0.5) for p, q in ("ab", "ac", "cb"))
    return Problem(units, (Board("a"), Board("b"), Board("c")), wires)


def found(problem: Problem, *owner: int) -> Placement:
    return placement(problem, owner, PERIOD, 0.0)


def test_every_device_waits_for_all_that_it_needs() -> None:
    problem = fork()
    time = timeline(problem, found(problem, 0, 2, 1))
    assert [(w.share.board, w.start, w.end) for w in time.works] == [
        (0, 0.0, 2.0),
        (2, 3.5, 7.5),
        (1, 10.0, 13.0),
    ]
    assert [(m.source, m.target, m.size, m.start, m.end) for m in time.messages] == [
        (0, 2, 10, 2.0, 3.5),
        (0, 1, 10, 2.0, 3.5),
        (2, 1, 20, 7.5, 10.0),
    ]
    assert (time.period, time.latency) == (4.0, 13.0)


def test_the_longest_way_goes_round_by_who_came_last() -> None:
    problem = fork()
    time = timeline(problem, found(problem, 0, 2, 1))
    assert all(work.slow for work in time.works)
    assert [(m.source, m.target) for m in time.messages if m.slow] == [(0, 2), (2, 1)]


def test_what_a_device_pays_for_its_stage_and_its_bytes_keeps_it_busy() -> None:
    boards = (Board("a", None, 0.5, 0.1, 9.0), Board("b", None, 0.25, 9.0, 0.2))
    units = (Unit("x", (), {"a": 2.0}, output_bytes=10), Unit("y", ("x",), {"b": 1.0}))
    problem = Problem(units, boards)
    time = timeline(problem, found(problem, 0, 1))
    assert [(work.seconds, work.share.seconds) for work in time.works] == [(3.5, 2.0), (3.25, 1.0)]
    assert time.latency == 6.75


def test_who_sets_the_period_may_be_several_and_is_nobody_where_there_is_none() -> None:
    units = (Unit("x", (), {"a": 2.0}, output_bytes=10), Unit("y", ("x",), {"b": 2.0}))
    problem = Problem(units, (Board("a"), Board("b")), (Wire("a", "b", 10.0),))
    time = timeline(problem, found(problem, 0, 1))
    assert [time.sets_period(work) for work in time.works] == [True, True]
    assert not time.sets_period(time.messages[0])
    idle = Problem((Unit("x", (), {"a": 0.0}),), (Board("a"),))
    time = timeline(idle, found(idle, 0))
    assert not time.sets_period(time.works[0])


def test_a_link_may_set_the_period() -> None:
    units = (Unit("x", (), {"a": 2.0}, output_bytes=50), Unit("y", ("x",), {"b": 1.0}))
    problem = Problem(units, (Board("a"), Board("b")), (Wire("a", "b", 10.0),))
    time = timeline(problem, found(problem, 0, 1))
    assert time.sets_period(time.messages[0])
    assert not any(map(time.sets_period, time.works))


@pytest.mark.once
@given(problems())
def test_any_timeline_comes_to_what_is_scored(problem: Problem) -> None:
    for objective in Objective:
        try:
            best = place(problem, objective)
        except CannotPlace:
            assume(False)
        time = timeline(problem, best)
        everything: list[Work | Message] = [*time.works, *time.messages]
        assert same_number(max(one.end for one in everything), best.score.latency)
        assert all(one.seconds <= time.period * (1 + 1e-9) for one in everything)
        by_medium = best.score.limits.startswith("medium")
        assert time.period == 0 or by_medium or any(map(time.sets_period, everything))
        check_order(time)
        check_longest_way(time)


def check_order(time: Timeline) -> None:
    """Nobody sends before it is done, or begins before everything is there."""
    works = {work.share.board: work for work in time.works}
    for message in time.messages:
        sender = works.get(message.source)
        assert message.start == (sender.end if sender is not None else 0)
        if message.target in works:
            assert message.end <= works[message.target].start
    talking = [m for m in time.messages if not works.keys() >= {m.source, m.target}]
    assert all(CLIENT in (message.source, message.target) for message in talking)


def check_longest_way(time: Timeline) -> None:
    """Its parts follow each other without a gap, from the beginning to the end."""
    everything: list[Work | Message] = [*time.works, *time.messages]
    way = sorted((one for one in everything if one.slow), key=lambda one: (one.start, one.end))
    assert way[0].start == 0
    works = sum(isinstance(one, Work) for one in way)
    assert abs(len(way) - 2 * works) <= 1, "work and messages by turns"
    assert sum(one.seconds for one in way) == pytest.approx(time.latency)
