"""Several clients on one chain: everybody gets a share, and it grows back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import pytest

from edgechain.client.chain import Chain
from edgechain.errors import Unavailable, UnknownChain
from tests.chain import chains
from tests.chain.gates import STOPS_AT, HeldGate
from tests.chain.nodes import LiveNode, Placement, connected, nodes, until

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

APART: Placement = {"n1": ("first",), "n2": ("gate",)}
SLOTS = 4


def leases(chain: Chain) -> list[int]:
    return sorted(node.lease for node in chain._submitter.session.routes.nodes())


async def ask(chain: Chain, number: int) -> None:
    x = chains.question(number)
    np.testing.assert_array_equal((await chain.infer(x, deadline=20))["y"], x)


async def test_a_second_client_gets_half_and_the_first_gets_it_back(gated: Path) -> None:
    async with nodes(gated, APART, slots=SLOTS) as live, connected(live) as one:
        assert leases(one) == [SLOTS, SLOTS]
        async with connected(live) as two:
            await until(lambda: leases(one) == leases(two) == [2, 2], "both have half")
            await asyncio.gather(*(ask(c, n) for c in (one, two) for n in range(20)))
        await until(lambda: leases(one) == [SLOTS, SLOTS], "the lease grows back")
        await asyncio.gather(*(ask(one, n) for n in range(20)))


async def test_a_second_client_waits_until_the_first_gives_slots_back(
    gated: Path, held_gate: HeldGate
) -> None:
    async with nodes(gated, APART, slots=SLOTS) as live, connected(live) as one:
        slow = [asyncio.create_task(ask(one, STOPS_AT)) for _ in range(SLOTS)]
        await held_gate.entered()
        async with asyncio.TaskGroup() as group:
            group.create_task(connect_and_ask(connected(live)))
            held_gate.open(SLOTS)
        await asyncio.gather(*slow)


async def connect_and_ask(client: AbstractAsyncContextManager[Chain]) -> None:
    async with client as chain:
        await ask(chain, 1)


async def no_slot(live: Mapping[str, LiveNode]) -> str:
    """Why a client gets none; it waits for one, longer where nobody has told it why in time."""
    for timeout in (1.0, 8.0, 32.0):
        with pytest.raises((Unavailable, UnknownChain)) as error:
            async with connected(live, timeout=timeout):
                pytest.fail("there is a slot for it")
        said = str(error.value)
        if isinstance(error.value, Unavailable) and "no node that runs it" not in said:
            break
    return said


async def test_more_clients_than_slots_are_refused_by_name(gated: Path) -> None:
    async with nodes(gated, APART, slots=1) as live, connected(live) as one:
        assert "as many clients as slots" in await no_slot(live)
        await ask(one, 1)
