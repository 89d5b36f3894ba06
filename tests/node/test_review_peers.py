"""Tensors that wait for two lives of one node, while giving one up ends the other's attempt."""

from __future__ import annotations

import time

from edgechain.discovery.peers import PeerTable
from edgechain.node.peers import PeerLinks
from edgechain.runtime.clock import SystemClock
from edgechain.spec.deadline import Deadline
from edgechain.spec.message import Hello, Hop, Role, TensorSend, Welcome
from edgechain.transport.link import Link
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
    link = Link(("127.0.0.1:1",), HELLO, links, time.monotonic)
    link.welcome = Welcome(hop("peer", 3), "ns", "chain", GENERATION, ("next",))
    links.on_up(link, stream, link.welcome)
    assert sorted(done) == [(1, False), (2, False)]
    assert links.linked.is_set()
