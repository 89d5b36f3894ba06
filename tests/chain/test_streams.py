"""Many frames: results in their order, errors in their places, one end for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.client.results import Result
from edgechain.errors import Dropped, InvalidInput, Poison, StageError
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


async def test_the_newest_counts(gated: Path, held_gate: HeldGate) -> None:
    """While two frames are held, the source goes on: of all that come, the last one is sent."""
    values = [STOPS_AT, *range(1, 30)]
    async with nodes(gated, {"n": ("first", "gate")}) as live, connected(live) as chain:
        all_came = asyncio.Event()

        async def frames() -> AsyncIterator[NDArray[np.int64]]:
            for value in values:
                yield chains.question(value)
            all_came.set()

        async def watch() -> list[Result]:
            found = chain.stream(frames(), in_flight=2, newest=True, deadline=60)
            return [result async for result in found]

        watching = asyncio.create_task(watch())
        await held_gate.entered()
        await all_came.wait()
        held_gate.open()
        results = await watching
        told = chain.statistics()
    assert [result.index for result in results] == list(range(30))
    answered = [result for result in results if result.error is None]
    assert [result.index for result in answered] == [0, 1, 29]
    for result in answered:
        np.testing.assert_array_equal(result["y"], chains.question(values[result.index]))
    assert {type(result.error) for result in results[2:29]} == {Dropped}
    assert (told.submitted, told.results, told.dropped, told.failed, told.open) == (30, 3, 27, 0, 0)


async def test_the_account_of_a_connection(gated: Path) -> None:
    async with nodes(gated, {"n": ("first", "gate")}) as live, connected(live) as chain:
        await chain.infer(chains.question(1))
        with pytest.raises(InvalidInput):
            await chain.infer({"nonsense": chains.question(1)})
        with pytest.raises(InvalidInput):
            await chain.infer(chains.question(1), deadline=float("inf"))
        asking = asyncio.create_task(chain.infer(chains.question(2)))
        await asyncio.sleep(0)
        assert chain.statistics().open == 1
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    told = chain.statistics()
    assert told.errors == (("InvalidInput", 2), ("Cancelled", 1))
    assert (told.submitted, told.results, told.open) == (4, 1, 0)
