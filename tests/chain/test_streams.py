"""Many frames: results in their order, errors in their places, one end for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.errors import InvalidInput, Poison, StageError
from tests.chain import chains
from tests.chain.gates import STOPS_AT, HeldGate
from tests.chain.nodes import connected, nodes

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

FRAMES = 30


async def test_results_come_in_order_with_errors_in_their_places(moody: Path) -> None:
    async def frames() -> AsyncIterator[dict[str, NDArray[np.int64]]]:
        for number in range(FRAMES):
            yield {"wrong" if number == 3 else "x": chains.question(number)}

    placement = {"n1": ("first", "last"), "n2": ("mood",)}
    async with nodes(moody, placement) as live, connected(live) as chain:
        results = [result async for result in chain.stream(frames())]
    assert [result.index for result in results] == list(range(FRAMES))
    failed = {result.index: type(result.error) for result in results if result.error}
    assert failed == {
        3: InvalidInput,
        13: StageError,
        14: Poison,
        15: Poison,
        16: StageError,
    }
    with pytest.raises(StageError, match="13"):
        results[13]["y"]
    for result in results:
        if result.index not in failed:
            np.testing.assert_array_equal(result["y"], chains.question(result.index) * 2)


async def test_a_slow_first_frame_holds_the_others_back(gated: Path, held_gate: HeldGate) -> None:
    """Nothing is taken from the source beyond ``in_flight``."""
    taken: list[int] = []

    def frames() -> list[NDArray[np.int64]]:
        return [chains.question(STOPS_AT), *(chains.question(n) for n in range(9))]

    async def counted() -> AsyncIterator[NDArray[np.int64]]:
        for number, frame in enumerate(frames()):
            taken.append(number)
            yield frame

    async with nodes(gated, {"n": ("first", "gate")}) as live, connected(live) as chain:
        found = chain.stream(counted(), in_flight=3)
        first = asyncio.ensure_future(anext(found))
        await held_gate.entered()
        assert len(taken) <= 4
        held_gate.open()
        results = [await first, *[result async for result in found]]
    values = np.stack([result["y"] for result in results])
    np.testing.assert_array_equal(values, np.stack(frames()))


async def test_a_stream_left_early_takes_its_requests_back(
    gated: Path, held_gate: HeldGate
) -> None:
    async with nodes(gated, {"n": ("first", "gate")}) as live, connected(live) as chain:
        found = chain.stream([chains.question(n) for n in (1, STOPS_AT, 3, 4)], in_flight=2)
        await anext(found)
        await held_gate.entered()
        await found.aclose()  # type: ignore[attr-defined]
        assert chain._submitter.open_requests == 0
        held_gate.open()
