"""From addresses to a manifest: nodes may still be starting, and may never come."""

from __future__ import annotations

import asyncio
import time

import pytest

from edgechain.client.find import Place, find_at, matches
from edgechain.discovery.peers import PeerHint
from edgechain.errors import ProtocolError, UnknownChain
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import render
from edgechain.transport.server import NodeServer
from tests.chain.nodes import LOOPBACK
from tests.ports import free_ports
from tests.spec.manifests import diamond
from tests.transport.test_link import Answerer

pytestmark = pytest.mark.may_block  # reading YAML looks for plug-ins on disk

MANIFEST = ChainManifest.sealed(**diamond())
TEXT = render(MANIFEST)


def server(text: str = TEXT) -> NodeServer:
    return NodeServer(
        Answerer().accept, status=str, manifest=lambda: text, now=time.monotonic, security=None
    )


async def test_a_node_that_starts_later_is_found() -> None:
    (silent, port) = free_ports(2)
    places = (Place(f"{LOOPBACK}:{silent}"), Place(f"{LOOPBACK}:{port}"))
    finding = asyncio.create_task(find_at(places, None, 20))
    await asyncio.sleep(0)
    late = server()
    await late.start(LOOPBACK, port)
    found = await finding
    await late.stop()
    assert (found.name, found.manifest) == ("diamond", MANIFEST)


async def test_nobody_answers() -> None:
    (port,) = free_ports(1)
    began = time.monotonic()
    with pytest.raises(UnknownChain, match=f"no node answers at {LOOPBACK}:{port}: "):
        await find_at((Place(f"{LOOPBACK}:{port}"),), None, 0.3)
    assert time.monotonic() - began >= 0.3


async def test_what_answers_is_no_node_of_ours() -> None:
    stranger = server("a: [1, 2")
    port = await stranger.start(LOOPBACK, 0)
    with pytest.raises(ProtocolError, match="the manifest at"):
        await find_at((Place(f"{LOOPBACK}:{port}"),), None, 5)
    await stranger.stop()


@pytest.mark.parametrize(
    ("chain", "generation", "manifest", "expected"),
    [
        ("asked", "0" * 16, None, True),
        ("other", "0" * 16, None, False),
        ("other", MANIFEST.generation[:16], MANIFEST, True),
        ("asked", "0" * 16, MANIFEST, False),
    ],
)
def test_a_name_is_a_name_and_a_directory_a_generation(
    chain: str, generation: str, manifest: ChainManifest | None, expected: bool
) -> None:
    hint = PeerHint("n", "ns", chain, generation, 1, ("h:1",))
    assert matches(hint, "asked", manifest) is expected
