"""A request ends by its deadline or when it is taken back, and its slots come back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from edgechain.client.chain import Chain
from edgechain.errors import DeadlineExceeded, RequestError
from tests.chain import chains
from tests.chain.gates import STOPS_AT, HeldGate
from tests.chain.nodes import Placement, connected, nodes, slots_in_use, until

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

APART: Placement = {"n1": ("first",), "n2": ("gate",)}
SLOTS = 3
DEADLINE = 2.0
"""Seconds; a request has to be in the stage by then, also on a starved machine."""

LATE = 0.5
"""Seconds after a timer of this very loop; the promise is 0.05 on a machine with time for it."""


async def timer(seconds: float) -> float:
    """When a timer that is set now goes off."""
    await asyncio.sleep(seconds)
    return time.monotonic()


async def all_slots_work(chain: Chain) -> None:
    """As many requests as there are slots, all at once."""

    async def ask(number: int) -> None:
        x = chains.question(number)
        np.testing.assert_array_equal((await chain.infer(x, deadline=20))["y"], x)

    await asyncio.gather(*(ask(number) for number in range(SLOTS)))


async def test_the_deadline_is_kept_although_the_stage_is_not_done(
    gated: Path, held_gate: HeldGate
) -> None:
    async with nodes(gated, APART, slots=SLOTS) as live, connected(live) as chain:
        await all_slots_work(chain)
        began, due = time.monotonic(), asyncio.create_task(timer(DEADLINE))
        asking = asyncio.create_task(chain.infer(chains.question(STOPS_AT), deadline=DEADLINE))
        await held_gate.entered()
        with pytest.raises(DeadlineExceeded):
            await asking
        ended = time.monotonic()
        assert ended - began >= DEADLINE
        assert ended < await due + LATE
        await until(lambda: slots_in_use(live) == [0, 1], "only the worker's own slot is held")
        held_gate.open()
        await until(lambda: slots_in_use(live) == [0, 0], "the slot comes back")
        await all_slots_work(chain)


async def test_what_waits_behind_a_busy_stage_ends_by_its_deadline_too(
    gated: Path, held_gate: HeldGate
) -> None:
    async with nodes(gated, APART, slots=SLOTS) as live, connected(live) as chain:
        first = asyncio.create_task(chain.infer(chains.question(STOPS_AT), deadline=20))
        await held_gate.entered()
        late = [chain.infer(chains.question(n), deadline=0.2) for n in range(2 * SLOTS)]
        ends = await asyncio.gather(*late, return_exceptions=True)
        assert [type(end) for end in ends] == [DeadlineExceeded] * (2 * SLOTS)
        await until(lambda: slots_in_use(live)[1] == 1, "only the first one is still there")
        held_gate.open()
        np.testing.assert_array_equal((await first)["y"], chains.question(STOPS_AT))
        await all_slots_work(chain)
        assert live["n2"].node.status().stages[0].ran == 1 + SLOTS, "late ones never ran"


async def test_a_request_taken_back_gives_its_slots_back(gated: Path, held_gate: HeldGate) -> None:
    async with nodes(gated, APART, slots=SLOTS) as live, connected(live) as chain:
        asking = asyncio.create_task(chain.infer(chains.question(STOPS_AT), deadline=20))
        behind = asyncio.create_task(chain.infer(chains.question(1), deadline=20))
        await held_gate.entered()
        for task in (asking, behind):
            task.cancel()
        await asyncio.gather(asking, behind, return_exceptions=True)
        assert asking.cancelled()
        assert behind.cancelled()
        await until(lambda: slots_in_use(live) == [0, 1], "what did not run is forgotten at once")
        held_gate.open()
        await until(lambda: slots_in_use(live) == [0, 0], "the slot comes back")
        await all_slots_work(chain)


async def test_closing_the_connection_ends_what_is_under_way(
    gated: Path, held_gate: HeldGate
) -> None:
    async with nodes(gated, APART, slots=SLOTS) as live:
        async with connected(live) as chain:
            asking = asyncio.create_task(chain.infer(chains.question(STOPS_AT), deadline=20))
            await held_gate.entered()
        with pytest.raises(RequestError, match="closed"):
            await asking
        held_gate.open()
        await until(lambda: slots_in_use(live) == [0, 0], "the nodes forget it")


async def test_nodes_stop_while_a_stage_runs(gated: Path, held_gate: HeldGate) -> None:
    """The request ends with an error, and nothing waits for the worker longer than it must."""
    async with nodes(gated, APART, slots=SLOTS) as live, connected(live) as chain:
        asking = asyncio.create_task(chain.infer(chains.question(STOPS_AT), deadline=20))
        await held_gate.entered()
        for node in live.values():
            node.node.stop()
        with pytest.raises(RequestError):
            await asking
        held_gate.open()
        await asyncio.gather(*(node.task for node in live.values()))
