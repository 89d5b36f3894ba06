"""Several nodes for every stage: each has a name of its own, and one may go."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

import edgechain
from edgechain.discovery.local import find_chain
from edgechain.errors import NodeFailed
from edgechain.node.local import LocalChainRunner, LocalOptions, places
from edgechain.spec.ids import is_name
from tests.chain import chains
from tests.chain.nodes import NAMESPACE
from tests.commands import Edgechain

pytestmark = [pytest.mark.processes, pytest.mark.may_block]

WITHIN = 60.0


@pytest.fixture
def two(tmp_path: Path) -> Path:
    stages = (chains.actor("one", "Affine", "x", "a"), chains.actor("two", "Affine", "a", "y"))
    return chains.write(tmp_path / "two", chains.connected("two", *stages))


@pytest.mark.parametrize("chain", ["short", "n" * 61 + "-e"])
@pytest.mark.parametrize("replicas", [1, 2, 16])
def test_every_replica_has_a_name_of_its_own(chain: str, replicas: int) -> None:
    found = places(chain, chains.five_stages(), replicas)
    assert [place.number for place in found] == list(range(5 * replicas))
    names = {place.name for place in found}
    assert len(names) == len({place.label for place in found}) == 5 * replicas
    assert all(map(is_name, names))


async def test_a_chain_lives_while_every_stage_has_a_node(two: Path) -> None:
    options = LocalOptions(namespace=NAMESPACE, threads=1, replicas=2)
    runner = LocalChainRunner(two, "pairs", options, detach=False, progress=lambda *_: None)
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with runner:
        assert runner.chain is not None
        nodes = {node.name: node for node in runner.chain.nodes}
        assert list(nodes) == ["pairs-one-a", "pairs-one-b", "pairs-two-a", "pairs-two-b"]
        watching = asyncio.create_task(runner.watch(heard.put_nowait))
        os.kill(nodes["pairs-two-b"].pid, signal.SIGKILL)
        said = await asyncio.wait_for(heard.get(), WITHIN)
        assert said == "node of stage two-b was killed by signal 9"
        async with edgechain.connect("pairs", namespace=NAMESPACE, timeout=WITHIN) as chain:
            x = chains.question(1)
            np.testing.assert_array_equal((await chain.infer(x))["y"], x)
        os.kill(nodes["pairs-two-a"].pid, signal.SIGKILL)
        with pytest.raises(NodeFailed, match="node of stage two-a was killed by signal 9"):
            await asyncio.wait_for(watching, WITHIN)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_up_ends_with_its_terminal_and_leaves_nothing(
    tmp_path: Path, two: Path, state_dir: Path, number: signal.Signals
) -> None:
    shell = Edgechain(tmp_path, state_dir)
    name = f"ends-{os.getpid()}"
    up = shell.start("up", two, "--name", name, "--replicas", "2")
    assert up.stdout is not None
    assert any("Ctrl-C ends it" in line for line in iter(up.stdout.readline, ""))
    up.send_signal(number)
    said, complaints = up.communicate(timeout=2 * WITHIN)
    assert (up.returncode, said.strip()) == (0, "stopping"), complaints
    assert find_chain(name) is None
