"""A connection follows its chain to another generation: nothing is lost, nothing is mixed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgechain.client.chain import Chain
from edgechain.client.results import Result
from edgechain.errors import GenerationChanged, RequestError
from edgechain.node.settings import settle
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.tensor import DType, TensorSpec
from tests.chain import chains
from tests.chain.gates import STOPS_AT, HeldGate
from tests.chain.nodes import LiveNode, connected, launch, nodes, until

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

APART = {"n1": ["one"], "n2": ["two"]}
SAME = {"port", "peers", "discovery"}
ONE = np.ones(chains.WIDTH, np.int64)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return chains.two_stages(tmp_path / "old", 2, factor=2)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return chains.two_stages(tmp_path / "new", 3, factor=3)


async def tell(live: Mapping[str, LiveNode], chain: Path, beside: Path | None = None) -> None:
    """Every node is to serve ``chain``, and has ``beside`` ready before this returns."""
    for node in live.values():
        before = node.node._settings.config
        told = {"chain": str(chain), "next": str(beside) if beside else None}
        node.node.want(settle(before.model_copy(update=told), base=chain, file="test"))
    if beside is not None:
        ready = load_manifest(beside).generation
        for node in live.values():
            await until(lambda n=node: is_ready(n, ready), "it is loaded")  # type: ignore[misc]


def is_ready(node: LiveNode, generation: str) -> bool:
    found = node.node.status().generations
    return any(g.generation == generation and g.state == "ready" for g in found)


def right(result: Result, generations: Mapping[str, int]) -> bool:
    """Whether one generation made the whole answer."""
    return bool((result["y"] == generations[result.generation] ** 2).all())


async def test_swaps_under_load_lose_and_mix_nothing(old: Path, new: Path) -> None:
    factors = {load_manifest(old).generation: 2, load_manifest(new).generation: 3}
    async with nodes(old, APART) as live, connected(live) as chain:
        going, answers = True, list[Result]()

        async def load() -> None:
            while going:
                answers.append(await chain.infer(ONE))

        tasks = [asyncio.create_task(load()) for _ in range(4)]
        for before, after in ((old, new), (new, old), (old, new)):
            await tell(live, before, after)
            await tell(live, after)
            wanted = load_manifest(after).generation
            await until(lambda w=wanted: chain.manifest.generation == w, "it moves")  # type: ignore[misc]
            here = len(answers)
            await until(lambda n=here: len(answers) > n + 20, "it is answered there")  # type: ignore[misc]
        going = False
        await asyncio.gather(*tasks)
        counts = chain.statistics()
    assert all(right(answer, factors) for answer in answers)
    assert (counts.results, counts.errors, counts.open) == (len(answers), (), 0)


async def test_what_is_under_way_ends_where_it_began(
    tmp_path: Path, held_gate: HeldGate, new: Path
) -> None:
    gated = chains.connected(
        "swapped", held_gate.stage("one", "x", "a"), chains.actor("two", "Affine", "a", "y")
    )
    old = chains.write(tmp_path / "gated", gated)
    async with nodes(old, APART, slots=1) as live, connected(live) as chain:
        held = asyncio.create_task(chain.infer(ONE * STOPS_AT, deadline=60))
        await held_gate.entered()
        waits = asyncio.create_task(chain.infer(ONE, deadline=60))
        await tell(live, old, new)
        await tell(live, new)
        assert (await waits)["y"][0] == 9, "what waited has moved"
        held_gate.open()
        assert (await held)["y"][0] == STOPS_AT
        assert held.result().generation == gated.generation
        await until(lambda: not leaving(live, gated.generation), "the old one is left")


def leaving(live: Mapping[str, LiveNode], generation: str) -> int:
    found = [g for node in live.values() for g in node.node.status().generations]
    return sum(g.clients for g in found if g.generation == generation)


async def ends(chain: Chain) -> str:
    try:
        await chain.infer(ONE, deadline=20)
    except RequestError as error:
        return type(error).__name__
    return ""


async def test_inputs_that_do_not_fit_the_new_generation(tmp_path: Path, old: Path) -> None:
    """What waits ends as GenerationChanged, and the caller sees the new inputs from then on."""
    wide = {"x": TensorSpec(name="x", dtype=DType.INT64, shape=(9,))}
    stages = (chains.actor("one", "Affine", "x", "a"), chains.actor("two", "Affine", "a", "y"))
    specs = wide | {n: TensorSpec(name=n, dtype=DType.INT64, shape=(9,)) for n in ("a", "y")}
    other = chains.write(tmp_path / "wide", chains.connected("swapped", *stages, specs=specs))
    async with nodes(old, APART, slots=1) as live, connected(live) as chain:
        await tell(live, old, other)
        going = True
        seen = set[str]()

        async def load() -> None:
            while going and chain.manifest.generation == load_manifest(old).generation:
                seen.add(await ends(chain))

        tasks = [asyncio.create_task(load()) for _ in range(32)]
        await tell(live, other)
        await until(lambda: chain.manifest.generation != load_manifest(old).generation, "it moves")
        await asyncio.gather(*tasks)
        assert seen <= {"", GenerationChanged.__name__}
        assert GenerationChanged.__name__ in seen
        assert (await chain.infer(np.ones(9, np.int64)))["y"].shape == (9,)


async def test_nodes_that_come_back_with_another_generation(old: Path, new: Path) -> None:
    """Nobody is left who could announce it: the connection asks."""
    async with nodes(old, APART, static=True) as live, connected(live) as chain:
        assert (await chain.infer(ONE))["y"][0] == 4
        peers = {name: node.node._settings.config for name, node in live.items()}
        for node in live.values():
            await node.stop()
        again = [
            launch(new, name, APART[name], **before.model_dump(include=SAME))
            for name, before in peers.items()
        ]
        moved = load_manifest(new).generation
        await until(lambda: chain.manifest.generation == moved, "it is found")
        assert (await chain.infer(ONE))["y"][0] == 9
        for node in again:
            await node.stop()
