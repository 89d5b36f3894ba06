"""A generation is loaded beside the one that serves, and takes over; a wrong one does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import edgechain
from edgechain.node.settings import settle
from edgechain.spec.status import GenerationState as State
from tests.chain import chains
from tests.chain.nodes import NAMESPACE, LiveNode, connected, nodes, until
from tests.security.one_fleet import client_identity

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

EACH_STAGE = {"n1": ["one"], "n2": ["two"]}
WITHIN = 60.0


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return chains.two_stages(tmp_path / "old", 2)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return chains.two_stages(tmp_path / "new", 3)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A chain whose second stage does not load."""
    return chains.two_stages(tmp_path / "broken", 5, no_such_option=1)


def tell(live: Mapping[str, LiveNode], chain: Path, beside: Path | None = None) -> None:
    """Give every node another configuration, as SIGHUP does."""
    for node in live.values():
        before = node.node._settings.config
        told = {"chain": str(chain), "next": str(beside) if beside else None}
        node.node.want(settle(before.model_copy(update=told), base=chain, file="test"))


def states(node: LiveNode) -> list[State]:
    return [found.state for found in node.node.status().generations]


async def all_in(live: Mapping[str, LiveNode], *wanted: State) -> None:
    for name, node in live.items():
        await until(lambda n=node: states(n) == list(wanted), f"{name} in {wanted}")  # type: ignore[misc]


async def answer(live: Mapping[str, LiveNode]) -> int:
    """What the chain multiplies by."""
    async with connected(live) as chain:
        return int((await chain.infer(np.ones(chains.WIDTH, np.int64)))["y"][0])


async def test_over_and_back(old: Path, new: Path) -> None:
    async with nodes(old, EACH_STAGE) as live:
        assert await answer(live) == 2
        for before, after, factor in ((old, new, 3), (new, old, 2)):
            tell(live, before, after)
            await all_in(live, State.CURRENT, State.READY)
            tell(live, after)
            await all_in(live, State.CURRENT)
            assert await answer(live) == factor


async def test_a_client_is_told_and_the_old_generation_waits_for_it(old: Path, new: Path) -> None:
    async with nodes(old, EACH_STAGE) as live:
        async with connected(live) as chain:
            tell(live, old, new)
            await all_in(live, State.CURRENT, State.READY)
            tell(live, new)
            await all_in(live, State.RETIRING, State.CURRENT)
            x = np.ones(chains.WIDTH, np.int64)
            assert (await chain.infer(x))["y"][0] in (2, 3)
        await all_in(live, State.CURRENT)


async def test_one_that_does_not_load_changes_nothing(old: Path, broken: Path, new: Path) -> None:
    async with nodes(old, EACH_STAGE) as live:
        tell(live, old, broken)
        await until(lambda: states(live["n2"]) == [State.CURRENT, State.FAILED], "it failed")
        (failed,) = live["n2"].node.status().generations[1:]
        assert "no_such_option" in failed.reason
        waits = [State.CURRENT, State.LOADING]
        await until(lambda: states(live["n1"]) == waits, "it waits for its successor")
        assert await answer(live) == 2
        tell(live, broken)
        await until(lambda: states(live["n2"]) == [State.CURRENT, State.FAILED], "and again")
        assert await answer(live) == 2
        tell(live, old)
        await all_in(live, State.CURRENT)
        tell(live, new)
        await all_in(live, State.CURRENT)
        assert await answer(live) == 3


async def test_a_directory_that_is_none_is_noted(old: Path, tmp_path: Path) -> None:
    async with nodes(old, EACH_STAGE) as live:
        tell(live, old, tmp_path / "nowhere")
        (noted,) = live["n1"].node.status().generations[1:]
        assert (noted.generation, noted.state) == ("", State.FAILED)
        assert "nowhere" in noted.reason
        assert await answer(live) == 2


async def test_one_that_nobody_wants_any_more_is_dropped_while_it_loads(
    old: Path, new: Path
) -> None:
    async with nodes(old, EACH_STAGE) as live:
        for _ in range(3):
            tell(live, old, new)
            tell(live, old)
        await all_in(live, State.CURRENT)
        assert await answer(live) == 2


async def test_a_node_stops_with_two_generations(old: Path, new: Path) -> None:
    async with nodes(old, EACH_STAGE) as live:
        tell(live, old, new)
        await all_in(live, State.CURRENT, State.READY)
        for node in live.values():
            node.node.stop()
        await asyncio.wait_for(asyncio.gather(*(n.task for n in live.values())), WITHIN)


async def test_mdns_tells_which_generation_serves(old: Path, new: Path) -> None:
    async with nodes(old, EACH_STAGE) as live:
        tell(live, new)
        await all_in(live, State.CURRENT)
        async with edgechain.connect(
            new, namespace=NAMESPACE, mdns=True, identity=client_identity(), timeout=WITHIN
        ) as chain:
            assert (await chain.infer(np.ones(chains.WIDTH, np.int64)))["y"][0] == 3
