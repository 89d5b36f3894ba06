"""What the simulator found, as short stories (the seeds are of the day they were found)."""

from __future__ import annotations

import time

import pytest

from edgechain.discovery.peers import PeerTable
from edgechain.errors import PeerRefused
from edgechain.node.peers import PeerLinks
from edgechain.runtime.clock import SystemClock
from edgechain.spec.message import FailureKind, Hello, Role, Welcome
from edgechain.transport.link import Link
from edgechain.transport.memory_pipe import memory_pipe
from edgechain.transport.stream import PeerStream
from tests.node.doubles import HERE, MINE, SLOTS, Bench, request
from tests.runtime.keys import GENERATION, client, hop

HELLO = Hello(Role.NODE, "me", "ns", "chain", GENERATION)
OTHER = (client(1), 1)


@pytest.mark.parametrize(("theirs", "used"), [("ours too", True), ("elsewhere", False)])
async def test_another_replica_of_a_stage_of_ours_is_linked_and_not_needed(
    theirs: str, used: bool
) -> None:
    """Seed 58: a route ran a stage here and the next one on its other replica, never linked."""
    links = PeerLinks(HELLO, (), PeerTable("ns"), SystemClock(), takers={"ours too"})
    assert links.linked.is_set()
    link = Link(("127.0.0.1:1",), HELLO, links, time.monotonic, security=None)
    link.welcome = Welcome(hop("peer"), "ns", "chain", GENERATION, (theirs,))
    stream = PeerStream(memory_pipe()[0], "peer", time.monotonic)
    if used:
        links.on_up(link, stream, link.welcome)
    else:
        with pytest.raises(PeerRefused, match="runs no stage"):
            links.on_up(link, stream, link.welcome)
    assert (hop("peer") in links._streams) == used


def test_a_client_that_says_it_gave_back_what_it_uses_is_not_believed() -> None:
    """Seed 195: what a lying client held was leased to another one, which was refused then."""
    bench = Bench()
    for number in range(SLOTS):
        bench.take(request(number), "photo", (HERE,) * 4)
    bench.exchange.join(OTHER, SLOTS)
    lease = bench.leases()[-1]
    assert lease == (MINE, SLOTS // 2)
    bench.exchange.confirm(MINE, 2)
    assert OTHER not in dict(bench.leases())
    for number in range(SLOTS // 2):
        bench.exchange.cancel(request(number))
    bench.exchange.confirm(MINE, 2)
    assert dict(bench.leases())[OTHER] == SLOTS // 2
    assert FailureKind.OVERLOADED not in {failure.kind for failure in bench.failures()}
