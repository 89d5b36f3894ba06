"""Addresses that a registry suggests: tried while they are said, left when they are not."""

from __future__ import annotations

import time

import pytest

from edgechain.client.fleet import Fleet
from edgechain.discovery.peers import PeerTable, Suggestion
from edgechain.errors import PeerRefused
from edgechain.node.peers import PeerLinks
from edgechain.runtime.clock import SystemClock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.message import Hello, Role, Welcome
from edgechain.transport.link import Link, LinkState
from edgechain.transport.memory_pipe import memory_pipe
from edgechain.transport.stream import PeerStream
from tests.client.doubles import CLIENT
from tests.runtime.keys import GENERATION, hop
from tests.spec.manifests import diamond

HELLO = Hello(Role.NODE, "me", "ns", "chain", GENERATION)
FIRST, SECOND = Suggestion(("127.0.0.1:1",)), Suggestion(("127.0.0.1:2",))


def peers() -> PeerLinks:
    return PeerLinks(HELLO, {"next"}, PeerTable("ns"), SystemClock())


def addresses(links: PeerLinks) -> set[str]:
    return {link.address for link in links.statistics()}


async def test_all_that_is_said_is_tried_and_what_is_not_said_any_more_is_left() -> None:
    links = peers()
    links.suggest([FIRST, SECOND, Suggestion(("127.0.0.1:3",), "me")])
    assert addresses(links) == {"127.0.0.1:1", "127.0.0.1:2"}, "not ourselves"
    links.suggest([SECOND])
    assert addresses(links) == {"127.0.0.1:2"}
    for number in range(100, 400):
        links.suggest([Suggestion((f"127.0.0.1:{number}",))])
    assert len(links.statistics()) == 1, "addresses that come and go do not pile up"
    await links.close("the test ends")


async def test_a_link_that_carries_is_not_left_until_it_is_down() -> None:
    links = peers()
    links.suggest([FIRST])
    link = links._links._links[FIRST.label]
    link._state = LinkState.UP
    links.suggest([])
    assert addresses(links) == {"127.0.0.1:1"}
    link._state = LinkState.DOWN
    links.suggest([])
    assert addresses(links) == set()
    await links.close("the test ends")


async def test_a_name_with_other_addresses_is_the_same_peer() -> None:
    links = peers()
    links.suggest([Suggestion(("127.0.0.1:1",), "peer")])
    links.suggest([Suggestion(("127.0.0.1:2",), "peer")])
    assert addresses(links) == {"127.0.0.1:2"}
    await links.close("the test ends")


async def test_a_node_does_not_link_to_itself() -> None:
    links = peers()
    stream = PeerStream(memory_pipe()[0], "me", time.monotonic)
    link = Link(("127.0.0.1:1",), HELLO, links, time.monotonic, security=None)
    with pytest.raises(PeerRefused, match="ourselves"):
        links.on_up(link, stream, Welcome(hop("me"), "ns", "chain", GENERATION, ("next",)))
    await links.close("the test ends")


async def test_a_client_has_no_use_for_a_node_that_stands_by() -> None:
    hello = Hello(Role.CLIENT, "c", "ns", "chain", GENERATION, client=CLIENT)
    fleet = Fleet(hello, ChainManifest.sealed(**diamond()), PeerTable("ns"), SystemClock())
    stream = PeerStream(memory_pipe()[0], "peer", time.monotonic)
    link = Link(("127.0.0.1:1",), hello, fleet, time.monotonic, security=None)
    with pytest.raises(PeerRefused, match="runs no stage"):
        fleet.on_up(link, stream, Welcome(hop("peer"), "ns", "chain", GENERATION, ()))
    await fleet.close()
