"""Every request ends once: what is tried again, how often, where, and what is raised."""

from __future__ import annotations

import pytest

from edgechain.client.absence import MISSING_SECONDS
from edgechain.client.results import Result
from edgechain.client.session import RECLAIM_SECONDS
from edgechain.client.submit import MAX_PENDING
from edgechain.errors import (
    Cancelled,
    DeadlineExceeded,
    Dropped,
    InvalidInput,
    Overloaded,
    Poison,
    StageError,
    Unavailable,
)
from edgechain.spec.message import Cancel, Failure, FailureKind, Leased
from tests.client.doubles import MANIFEST, NODE, Bench, chunk
from tests.runtime.keys import freed, hop

A, B, C = hop("a"), hop("b"), hop("c")
RETRIED = [
    FailureKind.UNAVAILABLE,
    FailureKind.OVERLOADED,
    FailureKind.WORKER_LOST,
    FailureKind.GENERATION_CHANGED,
]


def test_an_answer_ends_the_request_with_a_result() -> None:
    bench = Bench(slots=1)
    bench.open()
    bench.clock.advance(0.25)
    bench.answer()
    (end,) = bench.ends
    assert isinstance(end, Result)
    assert (end.latency, end.attempts, end.generation) == (0.25, 1, MANIFEST.generation)
    assert sorted(end.outputs) == ["output_0", "output_1"]
    assert bench.asked.open_requests == 0


@pytest.mark.parametrize("budget", [float("nan"), float("inf"), 3601.0])
def test_a_deadline_no_node_would_keep_is_refused(budget: float) -> None:
    bench = Bench(slots=1)
    bench.open(budget)
    assert isinstance(bench.error, InvalidInput)
    assert bench.nodes.sends == []


def test_requests_wait_for_slots_in_order() -> None:
    bench = Bench(slots=1)
    numbers = [bench.open() for _ in range(3)]
    for number in numbers:
        assert bench.last.sequence == number
        bench.answer()
    assert len(bench.ends) == 3


def test_too_many_waiting_requests_are_refused_at_once() -> None:
    bench = Bench()
    for _ in range(MAX_PENDING + 1):
        bench.open(0.5)
    assert [type(end) for end in bench.ends] == [Overloaded]


@pytest.mark.parametrize("kind", RETRIED)
def test_what_another_replica_may_do_is_tried_there(kind: FailureKind) -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.open()
    (first,) = bench.route(bench.last)[:1]
    bench.fail(kind)
    assert bench.ends == []
    assert (bench.last.sequence, bench.last.attempt) == (0, 2)
    assert first not in bench.route(bench.last)
    bench.answer()
    assert isinstance(bench.ends[0], Result)
    assert bench.ends[0].attempts == 2
    assert bench.asked.statistics().retries == 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.STAGE_ERROR, StageError),
        (FailureKind.INVALID_INPUT, InvalidInput),
        (FailureKind.DEADLINE_EXCEEDED, DeadlineExceeded),
    ],
)
def test_what_would_fail_again_is_not_tried_again(
    kind: FailureKind, error: type[Exception]
) -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.open()
    bench.fail(kind)
    assert isinstance(bench.error, error)
    assert len(bench.sent()) == 1


def test_three_attempts_and_then_the_first_cause() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.open()
    bench.fail(FailureKind.OVERLOADED)
    bench.fail(FailureKind.UNAVAILABLE)
    bench.fail(FailureKind.UNAVAILABLE)
    assert isinstance(bench.error, Overloaded)
    assert bench.last.attempt == 3


def test_a_request_that_ends_two_workers_is_poison() -> None:
    bench = Bench(slots=4, nodes=(A, B, C))
    bench.open()
    bench.fail(FailureKind.WORKER_LOST, stage="left")
    bench.fail(FailureKind.WORKER_LOST, stage="tail")
    assert isinstance(bench.error, Poison)
    assert (bench.error.stage, len(bench.sent())) == ("tail", 2)


def test_retries_cost_tokens_that_requests_earn() -> None:
    bench = Bench(slots=100)
    for _ in range(100):
        bench.open()
        while bench.asked.open_requests:
            bench.fail(FailureKind.UNAVAILABLE)
    sent = len(bench.sent())
    assert sent <= 1.2 * 100 + 32
    assert sent == 100 + 16 + 20, "all that was earned was used"


def test_a_lost_node_costs_an_attempt_and_no_request() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    for _ in range(4):
        bench.open()
    bench.leave(A)
    assert bench.ends == []
    for _, key in bench.sent():
        if bench.route(key)[0] == B:
            bench.answer(key)
    assert len(bench.ends) == 4
    assert all(isinstance(end, Result) for end in bench.ends)


def test_a_node_whose_stream_is_gone_is_as_good_as_lost() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.nodes.gone = {A}
    for _ in range(4):
        bench.open()
    for _, key in bench.sent():
        if bench.route(key)[0] == B:
            bench.answer(key)
    assert [type(end) for end in bench.ends] == [Result] * 4


def test_the_old_attempt_is_cancelled_before_the_next_is_sent() -> None:
    bench = Bench(slots=4)
    for node, stages in {A: ("head", "left"), B: ("right", "tail"), C: ("right", "tail")}.items():
        bench.join(node, 4, *stages)
    bench.leave(NODE)
    bench.nodes.told.clear()
    bench.open()
    first = bench.last
    bench.fail(FailureKind.UNAVAILABLE, stage="tail")
    assert set(bench.nodes.cancelled()) == {(A, first), (bench.route(first)[3], first)}
    assert set(bench.nodes.forgotten) == set(bench.nodes.cancelled())
    assert bench.last.attempt == 2


def test_results_and_failures_of_an_old_attempt_change_nothing() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.open()
    first = bench.last
    bench.fail(FailureKind.UNAVAILABLE)
    bench.answer(first)
    bench.fail(FailureKind.STAGE_ERROR, first)
    assert bench.ends == []
    bench.answer()
    assert isinstance(bench.ends[0], Result)


def test_a_node_that_is_not_on_the_route_has_no_say() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.open()
    other = B if bench.route(bench.last)[0] == A else A
    bench.asked.on_failure(other, Failure(bench.last, FailureKind.STAGE_ERROR, "head", "a lie"))
    assert bench.ends == []


def learn(bench: Bench, seconds: float = 0.1) -> None:
    """Eight answers, each after so long."""
    for _ in range(8):
        bench.open()
        bench.timers.advance(seconds)
        bench.answer()
    bench.ends.clear()


def test_a_silent_attempt_is_given_up_and_tried_elsewhere() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    learn(bench)
    bench.open()
    first = bench.last
    bench.timers.advance(0.79)
    assert bench.last == first
    bench.timers.advance(0.03)
    assert (bench.last.sequence, bench.last.attempt) == (first.sequence, 2)
    assert bench.route(bench.last)[0] != bench.route(first)[0]
    assert bench.nodes.cancelled()[-1] == (bench.route(first)[0], first)
    bench.answer()
    assert isinstance(bench.ends[0], Result)


def test_an_attempt_that_moves_on_is_not_silent() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    learn(bench)
    bench.open()
    first = bench.last
    bench.timers.advance(0.7)
    bench.asked.on_chunk(chunk(first, MANIFEST.tensor_index["b"]))
    bench.timers.advance(0.7)
    assert bench.last == first


def test_nothing_is_given_up_before_it_is_known_how_long_answers_take() -> None:
    bench = Bench(slots=4, nodes=(A, B))
    bench.open(60.0)
    first = bench.last
    bench.timers.advance(50.0)
    assert bench.last == first


def test_the_deadline_ends_what_waits_and_what_is_under_way() -> None:
    bench = Bench(slots=1)
    bench.open(0.5)
    bench.open(0.5)
    bench.timers.advance(0.499)
    assert bench.ends == []
    bench.timers.advance(0.002)
    assert [str(end) for end in bench.ends] == [
        "no answer by the deadline; it was being worked on",
        "no answer by the deadline; it was waiting for a slot",
    ]
    assert [key.sequence for _, key in bench.nodes.cancelled()] == [0]


def test_what_its_caller_takes_back_is_cancelled_and_counted() -> None:
    bench = Bench(slots=1)
    request = bench.asked.open({}, 5.0, bench.ends.append)
    bench.asked.cancel(request)
    bench.asked.cancel(request)
    assert [type(end) for end in bench.ends] == [Cancelled]
    assert bench.asked.statistics().errors == (("Cancelled", 1),)


def test_a_slot_that_does_not_come_back_is_asked_for_every_second() -> None:
    bench = Bench(slots=1)
    bench.open(0.5)
    key = bench.last
    bench.timers.advance(0.5)
    assert bench.nodes.cancelled() == [(NODE, key)]
    bench.timers.advance(3 * RECLAIM_SECONDS + 0.1)
    assert bench.nodes.cancelled() == [(NODE, key)] * 4
    bench.asked.on_released(NODE, freed(key))
    bench.timers.advance(10.0)
    assert len(bench.nodes.cancelled()) == 4
    assert (bench.session.outstanding, bench.timers.waiting) == (0, 0)


def test_a_whole_result_says_that_every_slot_is_free() -> None:
    bench = Bench(slots=1)
    bench.open()
    bench.open()
    first, *others = MANIFEST.output_edges
    asked = bench.last
    for tensor in others:
        bench.asked.on_chunk(chunk(asked, tensor))
    assert (bench.last, bench.session.routes.nodes()[0].free) == (asked, 0)
    bench.asked.on_chunk(chunk(asked, first))
    assert bench.last != asked, "the other one has the slot"
    bench.timers.advance(RECLAIM_SECONDS + 0.1)
    assert bench.nodes.cancelled() == []


def test_a_stage_without_a_node_is_known_fast() -> None:
    bench = Bench(slots=1)
    bench.open()
    bench.leave(NODE)
    bench.open()
    bench.timers.advance(MISSING_SECONDS - 0.01)
    assert bench.ends == []
    bench.timers.advance(0.02)
    assert [str(end) for end in bench.ends] == ["stage head: no live node runs it"] * 2
    bench.open()
    assert len(bench.ends) == 3, "what comes now is told at once"
    bench.join(NODE)
    bench.open()
    bench.answer()
    assert isinstance(bench.ends[3], Result)


def test_a_node_that_is_back_soon_serves_what_waited() -> None:
    bench = Bench(slots=1)
    bench.open()
    bench.leave(NODE)
    bench.timers.advance(MISSING_SECONDS - 0.1)
    bench.join(hop("node", 2))
    bench.timers.advance(1.0)
    bench.answer()
    assert isinstance(bench.ends[0], Result)


def test_when_another_stage_goes_missing_its_time_starts_anew() -> None:
    bench = Bench()
    bench.join(A, 4, "head", "left", "right")
    bench.open()
    bench.timers.advance(MISSING_SECONDS)
    bench.join(B, 4, "tail")
    bench.leave(A)
    bench.open()
    assert [str(end) for end in bench.ends] == ["stage tail: no live node runs it"]
    bench.timers.advance(MISSING_SECONDS)
    assert str(bench.ends[-1]) == "stage head: no live node runs it"


def test_the_newest_takes_the_place_of_the_one_that_waits() -> None:
    bench = Bench(slots=1)
    for _ in range(4):
        bench.open(newest=True)
    assert [type(end) for end in bench.ends] == [Dropped, Dropped]
    bench.answer()
    assert bench.last.sequence == 3
    bench.answer()
    told = bench.asked.statistics()
    assert (told.submitted, told.results, told.dropped, told.open) == (4, 2, 2, 0)


def test_only_so_many_of_the_newest_are_under_way() -> None:
    bench = Bench(slots=8)
    for _ in range(5):
        bench.open(newest=True, window=2)
    assert [key.sequence for _, key in bench.sent()] == [0, 1]
    assert bench.asked.statistics().dropped == 2
    bench.open()
    assert bench.last.sequence == 5, "others do not wait for them"
    bench.answer(bench.sent()[0][1])
    assert bench.last.sequence == 4


def test_the_newest_that_is_tried_again_is_not_dropped() -> None:
    bench = Bench(slots=1)
    bench.open(newest=True)
    bench.leave(NODE)
    bench.open(newest=True)
    bench.open(newest=True)
    assert [type(end) for end in bench.ends] == [Dropped]
    bench.join(NODE, 1)
    assert bench.last.sequence == 0


def test_a_lease_told_again_is_answered_again() -> None:
    bench = Bench(slots=2)
    bench.asked.on_lease(bench.session, NODE, 2, 1)
    bench.asked.on_lease(bench.session, NODE, 1, 0)
    assert [said for _, said in bench.nodes.told] == [Leased(2, 1)] * 2


def test_closing_ends_everything_and_leaves_no_timer() -> None:
    bench = Bench(slots=1)
    for _ in range(3):
        bench.open()
    bench.leave(NODE)
    bench.asked.close(Cancelled("closed"))
    bench.asked.close(Cancelled("closed"))
    assert [type(end) for end in bench.ends] == [Cancelled] * 3
    bench.open()
    assert len(bench.ends) == 4
    assert bench.timers.waiting == 0


def test_a_caller_may_ask_again_when_it_hears_of_an_end() -> None:
    bench = Bench(slots=1)
    ends: list[Result | Exception] = []

    def again(end: Result | Exception) -> None:
        ends.append(end)
        if len(ends) < 3:
            bench.asked.open({}, 5.0, again)

    bench.asked.open({}, 0.5, again)
    bench.timers.advance(0.6)
    bench.leave(NODE)
    bench.timers.advance(1.0)
    assert [type(end) for end in ends] == [DeadlineExceeded, Unavailable, Unavailable]


def test_only_words_about_slots_are_left_when_all_is_done() -> None:
    bench = Bench(slots=2, nodes=(A, B))
    for _ in range(20):
        bench.open()
        bench.answer()
    assert not any(isinstance(said, Cancel) for _, said in bench.nodes.told)
    assert (bench.session.under_way, bench.session.outstanding) == (0, 0)
