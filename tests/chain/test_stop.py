"""A node that is told to stop ends what has begun, begins nothing, and is not kept waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from edgechain.errors import RequestError
from tests.chain import chains
from tests.chain.gates import STOPS_AT, HeldGate
from tests.chain.nodes import connected, launch, nodes

pytestmark = pytest.mark.may_block

WITHIN = 30.0
EACH_STAGE = {"one": ["first"], "two": ["gate"]}


def stopping_question() -> chains.Array:
    found = chains.question(0)
    found[0] = STOPS_AT
    return found


async def test_what_has_begun_is_answered(gated: Path, held_gate: HeldGate) -> None:
    async with nodes(gated, EACH_STAGE) as live, connected(live) as chain:
        asked = asyncio.create_task(chain.infer(stopping_question()))
        await held_gate.entered()
        for node in live.values():
            node.node.stop()
        await asyncio.sleep(0)
        assert not any(node.task.done() for node in live.values())
        held_gate.open()
        answer = await asked
        np.testing.assert_array_equal(answer["y"], stopping_question())
        await asyncio.wait_for(asyncio.gather(*(node.task for node in live.values())), WITHIN)


async def test_told_twice_it_does_not_wait(gated: Path, held_gate: HeldGate) -> None:
    async with nodes(gated, EACH_STAGE) as live, connected(live) as chain:
        asked = asyncio.create_task(chain.infer(stopping_question(), deadline=60))
        await held_gate.entered()
        for node in live.values():
            node.node.on_signal()
            node.node.on_signal()
        with pytest.raises(RequestError):
            await asyncio.wait_for(asked, WITHIN)
        held_gate.open()
        await asyncio.wait_for(asyncio.gather(*(node.task for node in live.values())), WITHIN)


async def test_told_while_it_loads_it_does_not_wait_for_that(
    tmp_path: Path, held_gate: HeldGate
) -> None:
    stage = held_gate.stage("gate", "x", "y", at_load=True)
    directory = chains.write(tmp_path / "loading", chains.connected("loading", stage))
    live = launch(directory, "one", ["gate"])
    await held_gate.entered()
    live.node.on_signal()
    await asyncio.wait_for(live.task, WITHIN)
