"""The heart of a node: who gets a slot, how attempts end, and that every slot comes back once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgechain.node.exchange import REMIND_SECONDS
from edgechain.runtime.worker_wire import Lost, Resting
from edgechain.spec.deadline import MAX_BUDGET_SECONDS
from edgechain.spec.ids import Generation
from edgechain.spec.message import FailureKind, Route
from tests.node.doubles import BUDGET, HERE, MINE, SLOTS, TENSOR, THERE, Bench, request
from tests.runtime.keys import client, hop

ALL_HERE: Route = (HERE,) * 4
HEAD_HERE: Route = (HERE, THERE, THERE, THERE)
TAIL_HERE: Route = (THERE, THERE, THERE, HERE)
KEY = request()


# Who gets a slot -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "route", "more", "kind"),
    [
        (KEY, ALL_HERE, {"offset": 2}, FailureKind.INVALID_INPUT),
        (KEY, (), {}, FailureKind.INVALID_INPUT),
        (KEY, (HERE,) * 5, {}, FailureKind.INVALID_INPUT),
        (KEY, (hop("here", 2),) * 4, {}, FailureKind.UNAVAILABLE),
        (request(session=2), ALL_HERE, {}, FailureKind.OVERLOADED),
        (request(of=1), ALL_HERE, {}, FailureKind.OVERLOADED),
        (
            KEY._replace(generation=Generation("0" * 64)),
            ALL_HERE,
            {},
            FailureKind.GENERATION_CHANGED,
        ),
    ],
    ids=["no first chunk", "no route", "long route", "earlier life", "no lease", "stranger",
         "another generation"],
)  # fmt: skip
def test_what_gets_no_slot(
    key: object, route: Route, more: dict[str, object], kind: FailureKind
) -> None:
    bench = Bench()
    assert isinstance(key, type(KEY))
    bench.take(key, "photo", route, **more)
    assert [(f.key, f.kind) for f in bench.failures()] == [(key, kind)]
    assert (bench.released(), bench.in_use) == ([key], 0)
    assert {who for who, _ in bench.clients.told} == {(key.client, key.session)}
    bench.take(key, "photo", route, **more)
    assert len(bench.failures()) == 1, "answered once"


def test_a_client_holds_no_more_than_its_lease() -> None:
    bench = Bench()
    for number in range(SLOTS + 1):
        bench.take(request(number), "photo", ALL_HERE)
    assert [f.key for f in bench.failures()] == [request(SLOTS)]
    assert f"all {SLOTS} slots" in bench.failures()[0].reason
    assert bench.in_use == SLOTS


# Ends ------------------------------------------------------------------------------------


def test_a_stage_that_fails() -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    bench.run("head", "ValueError: no")
    (failure,) = bench.failures()
    assert (failure.kind, failure.stage, failure.reason) == (
        FailureKind.STAGE_ERROR,
        "head",
        "ValueError: no",
    )
    assert bench.released() == [KEY]
    assert all(len(actor.forgotten) == 1 for actor in bench.actors.values())


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Lost("it was killed by signal 9"), FailureKind.WORKER_LOST),
        (Resting("its workers keep dying"), FailureKind.UNAVAILABLE),
    ],
)
def test_a_stage_without_a_worker(outcome: Lost | Resting, kind: FailureKind) -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    bench.run("head", outcome)
    (failure,) = bench.failures()
    assert (failure.kind, failure.stage, failure.reason) == (kind, "head", outcome.reason)
    assert (bench.released(), bench.in_use) == ([KEY], 0)


def test_a_failure_waits_for_the_other_stages_worker() -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    bench.run("head")
    bench.begin("left")
    bench.run("right", "broken")
    for _, send in bench.clients.sends:
        send.done(True)
    assert (len(bench.failures()), bench.released()) == (1, [])
    bench.finish("left")
    assert bench.released() == [KEY]
    assert bench.delivered("tail") == [TENSOR["photo"]], "nothing more is passed on"


def test_cancelled_before_it_arrives() -> None:
    bench = Bench()
    bench.exchange.cancel(KEY)
    assert bench.released() == [KEY]
    bench.take(KEY, "photo", ALL_HERE)
    assert (bench.in_use, bench.delivered("head"), bench.failures()) == (0, [], [])


def test_cancelled_while_a_worker_is_busy_with_it() -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    bench.begin("head")
    bench.exchange.cancel(KEY)
    bench.exchange.cancel(KEY)
    assert (bench.released(), bench.in_use) == ([], 1)
    bench.finish("head")
    assert (bench.released(), bench.in_use) == ([KEY], 0)
    assert bench.delivered("left") == []


def test_the_deadline_passes_and_the_client_hears_of_it() -> None:
    bench = Bench()
    bench.take(KEY, "c", TAIL_HERE)
    bench.clock.advance(BUDGET - 0.001)
    bench.exchange.expire()
    assert bench.failures() == []
    bench.clock.advance(0.001)
    bench.exchange.expire()
    bench.exchange.expire()
    assert [(f.kind, f.stage) for f in bench.failures()] == [
        (FailureKind.DEADLINE_EXCEEDED, "tail")
    ]
    assert bench.released() == [KEY]


def test_nobody_holds_a_slot_for_ever() -> None:
    bench = Bench()
    bench.take(KEY, "c", TAIL_HERE, budget=1e12)
    bench.clock.advance(MAX_BUDGET_SECONDS)
    bench.exchange.expire()
    assert bench.released() == [KEY]


@pytest.mark.parametrize(("late", "told"), [(False, 1), (True, 0)])
def test_a_node_that_cannot_be_reached(late: bool, told: int) -> None:
    """The deadline is the client's own to notice; anything sooner it must hear."""
    bench = Bench()
    bench.take(KEY, "photo", HEAD_HERE)
    bench.run("head")
    bench.clients.sends[0][1].done(True)
    bench.clock.advance(BUDGET if late else 0)
    for _, send in bench.peers.sends:
        send.done(False)
    assert [f.kind for f in bench.failures()] == [FailureKind.UNAVAILABLE] * told
    assert bench.released() == [KEY]


def test_a_client_that_leaves_takes_its_work_along() -> None:
    bench = Bench()
    bench.take(request(0), "photo", ALL_HERE)
    bench.take(request(1), "photo", ALL_HERE)
    bench.begin("head")
    bench.exchange.leave(MINE)
    assert bench.in_use == 1, "the worker is still busy with one"
    assert bench.exchange.clients == 0
    bench.finish("head")
    assert bench.in_use == 0


def test_leases_are_told_when_they_change() -> None:
    bench = Bench()
    other = (client(1), 1)
    assert bench.exchange.join(other, SLOTS)
    assert bench.leases() == [(MINE, SLOTS // 2)], "the other one has to wait"
    bench.exchange.confirm(MINE, 2)
    assert bench.leases()[1:] == [(other, SLOTS // 2)]
    bench.exchange.leave(other)
    assert bench.leases()[2:] == [(MINE, SLOTS)]


def test_a_lease_is_told_again_until_it_is_answered() -> None:
    bench = Bench()
    bench.exchange.expire()
    assert bench.leases() == [], "it was told just now"
    for times in (1, 2):
        bench.clock.advance(REMIND_SECONDS)
        bench.exchange.expire()
        bench.exchange.expire()
        assert bench.leases() == [(MINE, SLOTS)] * times
    bench.exchange.confirm(MINE, 1)
    bench.clock.advance(REMIND_SECONDS)
    bench.exchange.expire()
    assert bench.leases() == [(MINE, SLOTS)] * 2


def test_a_cancel_is_answered_as_often_as_it_is_said() -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    for _ in range(3):
        bench.exchange.cancel(KEY)
    assert (bench.released(), bench.in_use) == ([KEY] * 3, 0)


# A node that stops ------------------------------------------------------------------------


def test_a_draining_node_ends_what_has_begun_and_begins_nothing() -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    bench.exchange.drain()
    assert bench.leases() == [(MINE, 0)]
    assert not bench.exchange.join((client(1), 1), SLOTS)
    bench.take(request(1), "photo", ALL_HERE)
    assert bench.in_use == 2, "on its way before the client heard of it"
    for key in (KEY, request(1)):
        bench.exchange.cancel(key)
    assert (bench.in_use, bench.exchange.idle) == (0, False), "the client may still take a slot"
    bench.exchange.confirm(MINE, 2)
    assert bench.exchange.idle
    bench.take(request(2), "photo", ALL_HERE)
    assert [f.kind for f in bench.failures()] == [FailureKind.OVERLOADED]


def test_a_draining_node_without_clients_is_idle() -> None:
    bench = Bench()
    bench.exchange.leave(MINE)
    bench.exchange.drain()
    assert bench.exchange.idle


# Invented histories ------------------------------------------------------------------------

EVENTS = ("photo", "c", "d", "a", "begin", "finish", "fail", "sent", "lost", "cancel", "expire")
steps = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 5)), max_size=60)
routes = st.tuples(*[st.sampled_from([HERE, THERE])] * 4)


@settings(deadline=None)
@given(steps, st.lists(routes, min_size=6, max_size=6))
def test_whatever_happens_every_slot_comes_back_once(
    history: list[tuple[str, int]], plan: list[Route]
) -> None:
    bench = Bench()
    for event, number in history:
        happen(bench, event, request(number), plan[number])
        assert bench.in_use <= SLOTS
    bench.clock.advance(2 * BUDGET)
    bench.exchange.expire()
    for stage in bench.actors:
        for attempt in [a for a in bench.exchange._slots if stage in a.running]:
            attempt.running.discard(stage)
            bench.exchange.report(attempt, stage, "the end")
    for way in (bench.peers, bench.clients):
        while way.sends:
            way.sends.pop()[1].done(False)
    assert bench.in_use == 0
    assert len(bench.failures()) == len({failure.key for failure in bench.failures()})
    cancelled = {request(number) for event, number in history if event == "cancel"}
    once = [key for key in bench.released() if key not in cancelled]
    assert len(once) == len(set(once))


def happen(bench: Bench, event: str, key: object, route: Route) -> None:
    assert isinstance(key, type(KEY))
    attempt = bench.exchange._slots.get(key)
    if event in TENSOR:
        bench.take(key, event, route)
    elif event == "cancel":
        bench.exchange.cancel(key)
    elif event == "expire":
        bench.clock.advance(BUDGET / 3)
        bench.exchange.expire()
    elif event in ("sent", "lost"):
        way = bench.peers.sends or bench.clients.sends
        if way:
            way.pop(0)[1].done(event == "sent")
    elif attempt is not None and event == "begin" and attempt.to_run and not attempt.ended:
        stage = min(attempt.to_run)
        attempt.to_run.discard(stage)
        attempt.running.add(stage)
    elif attempt is not None and event in ("finish", "fail") and attempt.running:
        stage = attempt.running.pop()
        bench.actors[stage].delivered.append((attempt, 0))
        bench.finish(stage, "failed" if event == "fail" else None)
