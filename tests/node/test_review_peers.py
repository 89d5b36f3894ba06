"""Tensors that wait for two lives of one node, while giving one up ends the other's attempt."""

from __future__ import annotations

import time

from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.node.peers import PeerLinks
from edgechain.runtime.clock import SystemClock
from edgechain.spec.deadline import Deadline
from edgechain.spec.message import Hello, Hop, Role, TensorSend, Welcome
from edgechain.transport.link import BACKOFF_SECONDS, IDLE_SECONDS, Link
from edgechain.transport.memory_pipe import memory_pipe
from edgechain.transport.stream import PeerStream
from tests.runtime.keys import GENERATION, hop, key

HELLO = Hello(Role.NODE, "me", "ns", "chain", GENERATION)


async def test_giving_up_what_waits_for_an_earlier_life() -> None:
    links = PeerLinks(HELLO, {"next"}, PeerTable("ns"), SystemClock())
    done: list[tuple[int, bool]] = []

    def waits(to: Hop, number: int) -> None:
        def told(whole: bool) -> None:
            done.append((number, whole))
            links.forget(key(0))  # as the exchange does when an attempt fails

        deadline = Deadline.after(time.monotonic(), 60.0)
        links.send_tensor(to, TensorSend(key(0), number, (), (), deadline, memoryview(b""), told))

    for life in (1, 2):
        waits(hop("peer", life), life)
    stream = PeerStream(memory_pipe()[0], "peer", time.monotonic)
    link = Link(("127.0.0.1:1",), HELLO, links, time.monotonic, security=None)
    link.welcome = Welcome(hop("peer", 3), "ns", "chain", GENERATION, ("next",))
    links.on_up(link, stream, link.welcome)
    assert sorted(done) == [(1, False), (2, False)]
    assert links.linked.is_set()


async def test_who_said_goodbye_is_asked_seldom_until_it_is_seen_again() -> None:
    table = PeerTable("ns")
    links = PeerLinks(HELLO, {"next"}, table, SystemClock())
    hint = PeerHint("peer", "ns", "chain", "0" * 16, 1, ("127.0.0.1:1",))  # nobody is there
    table.seen(hint)
    links.seen(hint)
    link = links._links._links["peer"]
    pauses = [link._pause()]
    table.gone(hint)
    links.gone(hint)
    pauses.append(link._pause())
    table.seen(hint)
    links.seen(hint)
    pauses.append(link._pause())
    assert pauses == [BACKOFF_SECONDS[0], IDLE_SECONDS, BACKOFF_SECONDS[0]]
    await links.close("the test ends")


async def test_one_life_of_two_says_goodbye_and_the_other_is_still_asked() -> None:
    table = PeerTable("ns")
    links = PeerLinks(HELLO, {"next"}, table, SystemClock())
    lives = [
        PeerHint("peer", "ns", "chain", "0" * 16, life, (f"127.0.0.1:{life}",)) for life in (1, 2)
    ]
    for hint in lives:
        table.seen(hint)
        links.seen(hint)
    table.gone(lives[0])
    links.gone(lives[0])
    assert links._links._links["peer"]._pause() == BACKOFF_SECONDS[0]
    await links.close("the test ends")
