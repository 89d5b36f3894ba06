"""What is heard on loopback; ``tests/deploy/doctor/test_network.py`` sounds real networks."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from edgechain.discovery.interfaces import Interface, interfaces
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.soundings import ask_directly, sound
from tests.discovery.test_mdns import HINT, LOOPBACK


@pytest.fixture
def lo() -> Interface:
    (found,) = [i for i in interfaces() if i.name == "lo"]
    return found


def test_an_interface_is_known_with_all_that_it_is(lo: Interface) -> None:
    assert lo.addresses == (LOOPBACK,)
    assert lo.index == socket.if_nametoindex("lo")
    assert (lo.is_up, lo.is_connected, lo.is_loopback) == (True, True, True)
    assert (lo.has_multicast, lo.is_point_to_point) == (False, False)


async def test_we_hear_ourselves_and_a_node(lo: Interface) -> None:
    async with MdnsRegistry([LOOPBACK]) as registry:
        await registry.announce(HINT, [LOOPBACK], 4711)
        heard = await sound(lo, 0.6)
    assert (heard.own, heard.asked, heard.problem) == (True, 2, "")
    assert (HINT, LOOPBACK) in heard.hints
    assert heard.answered == heard.heard == frozenset(), "only others count"


async def test_a_node_is_asked_directly() -> None:
    async with MdnsRegistry([LOOPBACK]) as registry:
        await registry.announce(HINT, [LOOPBACK], 4711)
        told = await ask_directly([LOOPBACK, "192.0.2.77"], 0.6)
    assert "192.0.2.77" not in told
    assert set(told) <= {LOOPBACK}, "whoever shares the port may have been asked instead"


async def test_an_address_that_is_gone_is_a_problem_and_no_error(lo: Interface) -> None:
    gone = replace(lo, addresses=("192.0.2.77",))
    heard = await sound(gone, 0.1)
    assert heard.problem == "Cannot assign requested address"
    assert not heard.port_taken
