"""What processors spend on a link between nodes that run a chain, idle and at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from edgechain.client.chain import Chain
from edgechain.security.identity import load_identity
from edgechain.spec.probing import Probed, ProbeOrder
from edgechain.transport.probe_call import COSTS, fetch_probe
from tests.chain import chains
from tests.chain.nodes import LiveNode, connected, nodes, until
from tests.security.one_fleet import client_identity

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

SECONDS = 0.2


@pytest.fixture
def two(tmp_path: Path) -> Path:
    stages = (
        chains.actor("first", "Affine", "x", "a"),
        chains.actor("last", "Affine", "a", "y"),
    )
    return chains.write(tmp_path / "two", chains.connected("two", *stages))


async def measured(source: LiveNode, target: LiveNode, name: str) -> Probed:
    """The link to the node of this name."""
    order = ProbeOrder(node=name, addresses=(target.address,), seconds=SECONDS)
    asking = source.node.status().name
    security = load_identity(client_identity())
    return await fetch_probe(source.address, asking, order, security=security)


def known(found: Probed) -> list[str]:
    """Which costs were told."""
    return [cost for cost in COSTS if getattr(found, cost) is not None]


@asynccontextmanager
async def at_work(chain: Chain) -> AsyncIterator[None]:
    """While this lasts there are always requests under way."""
    begun, enough = asyncio.Event(), asyncio.Event()

    async def frames() -> AsyncIterator[dict[str, chains.Array]]:
        while not enough.is_set():
            yield {"x": chains.question(0)}

    async def keep_busy() -> None:
        async with aclosing(chain.stream(frames())) as results:  # type: ignore[type-var]
            async for result in results:
                assert result.error is None
                begun.set()

    task = asyncio.create_task(keep_busy())
    await begun.wait()
    try:
        yield
    finally:
        enough.set()
        await task


async def test_nodes_that_serve_requests_leave_out_what_links_cost(two: Path) -> None:
    async with (
        nodes(two, {"n1": ("first",), "n2": ("last",)}) as live,
        connected(live) as chain,
    ):
        a, b = live.values()
        assert known(await measured(a, b, "n2")) == list(COSTS)
        async with at_work(chain):
            for source, target, name in ((a, b, "n2"), (b, a, "n1")):
                found = await measured(source, target, name)
                assert found.mbit > 1
                assert known(found) == []
        await until(lambda: not any(n.node.status().slots_in_use for n in live.values()), "idle")
        assert known(await measured(a, b, "n2")) == list(COSTS)
