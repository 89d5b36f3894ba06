"""What the exchange must bear: hostile routes, clients that leave early, nodes that are gone."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.spec.message import FailureKind, Hop, TensorSend
from tests.node.doubles import (
    HERE,
    MANIFEST,
    MINE,
    SLOTS,
    THERE,
    Bench,
    NotedWay,
    request,
)
from tests.runtime.keys import client

ALL_HERE = (HERE,) * 4
HEAD_HERE = (HERE, THERE, THERE, THERE)
OTHER = (client(1), 1)


def test_a_route_that_names_a_stage_this_node_does_not_run() -> None:
    bench = Bench()
    del bench.actors["tail"]
    bench.take(request(), "photo", ALL_HERE)
    assert [f.kind for f in bench.failures()] == [FailureKind.UNAVAILABLE]
    assert (bench.released(), bench.in_use) == ([request()], 0)


def test_a_slot_still_at_work_for_a_client_that_left_is_leased_to_nobody() -> None:
    bench = Bench()
    bench.take(request(), "photo", ALL_HERE)
    bench.begin("head")
    bench.exchange.leave(MINE)
    assert bench.exchange.join(OTHER, SLOTS)
    assert bench.leases() == [(OTHER, SLOTS - 1)]
    bench.finish("head")
    assert bench.leases()[1:] == [(OTHER, SLOTS)]
    for number in range(SLOTS):
        bench.take(request(number, of=1), "photo", ALL_HERE)
    assert bench.failures() == []


def test_a_client_that_comes_back_is_not_charged_for_its_earlier_stream() -> None:
    bench = Bench()
    bench.take(request(), "photo", ALL_HERE)
    earlier = bench.begin("head")
    bench.exchange.leave(MINE)
    bench.exchange.join(MINE, SLOTS)
    for number in range(1, SLOTS):
        bench.take(request(number), "photo", ALL_HERE)
    assert bench.leases() == [(MINE, SLOTS - 1)]
    assert bench.failures() == []
    earlier.running.clear()
    bench.exchange.report(earlier, "head", "its client is gone")
    assert bench.leases()[1:] == [(MINE, SLOTS)]


@dataclass
class DeadWay(NotedWay):
    """The way to a node that is gone."""

    def send_tensor(self, to: Hop | tuple[object, int], send: TensorSend) -> None:
        super().send_tensor(to, send)  # type: ignore[arg-type]
        send.done(False)


def test_nothing_is_sent_from_a_slot_that_was_given_back() -> None:
    bench = Bench(peers=(gone := DeadWay()))
    bench.take(request(), "photo", HEAD_HERE)
    bench.run("head")
    assert len(MANIFEST.stage["head"].outputs) > 1
    assert (bench.released(), len(gone.sends)) == ([request()], 1)
    assert bench.clients.sends == []


def test_what_waits_for_a_node_is_dropped_with_its_attempt() -> None:
    bench = Bench()
    bench.peers.gives_up = True
    bench.take(request(), "photo", HEAD_HERE)
    bench.run("head")
    bench.clients.sends[0][1].done(True)
    bench.exchange.cancel(request())
    assert (bench.released(), bench.in_use) == ([request()], 0)


def test_a_result_that_waits_for_a_slow_client_is_dropped_with_its_attempt() -> None:
    bench = Bench()
    bench.clients.gives_up = True
    bench.take(request(), "photo", HEAD_HERE)
    bench.run("head")
    for _, send in bench.peers.sends:
        send.done(True)
    assert bench.released() == []
    bench.exchange.cancel(request())
    assert (bench.released(), bench.in_use, bench.clients.sends) == ([request()], 0, [])
