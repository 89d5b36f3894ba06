"""Where bytes go, and where none do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgechain
from edgechain.spec.tensor import DType, TensorSpec
from tests.chain import chains
from tests.chain.nodes import NAMESPACE, READY_SECONDS, LiveNode, connected, nodes
from tests.security.one_fleet import client_identity

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

LARGE = 1 << 20
ROWS = 4


def sent_bytes(node: LiveNode) -> int:
    return sum(link.sent_bytes for link in node.node.status().links)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A big tensor ``a`` is wanted by two stages; then they meet."""
    specs = {
        name: TensorSpec(name=name, dtype=DType.INT64, shape=(LARGE // 8,)) for name in "xabcy"
    }
    stages = (
        chains.actor("head", "Affine", "x", "a", factor=3),
        chains.actor("left", "Affine", "a", "b", offset=1),
        chains.actor("right", "Affine", "a", "c", factor=2),
        chains.actor("meet", "Affine", "b c", "y"),
    )
    return chains.write(tmp_path / "large", chains.connected("large", *stages, specs=specs))


async def test_stages_on_one_node_hand_over_without_a_wire(large: Path) -> None:
    x = chains.question(5, LARGE // 8)
    async with nodes(large, {"all": ("head", "left", "right", "meet")}) as live:
        async with connected(live) as chain:
            np.testing.assert_array_equal((await chain.infer(x))["y"], x * 9 + 1)
        status = live["all"].node.status()
    assert status.links == ()
    assert [stage.ran for stage in status.stages] == [1, 1, 1, 1]


async def test_a_tensor_wanted_twice_on_one_node_crosses_once(large: Path) -> None:
    x = chains.question(6, LARGE // 8)
    placement = {"front": ("head",), "back": ("left", "right", "meet")}
    async with nodes(large, placement) as live:
        async with connected(live) as chain:
            np.testing.assert_array_equal((await chain.infer(x))["y"], x * 9 + 1)
        assert LARGE < sent_bytes(live["front"]) < LARGE * 1.01
        assert sent_bytes(live["back"]) == 0
        assert not any(link.state == "up" for link in live["back"].node.status().links)


async def test_a_node_before_and_after_another_one(large: Path) -> None:
    """The route leaves a node and comes back to it, under the same slot."""
    x = chains.question(7, LARGE // 8)
    placement = {"outer": ("head", "right", "meet"), "inner": ("left",)}
    async with nodes(large, placement, slots=1) as live:
        async with connected(live) as chain:
            for _ in range(3):
                np.testing.assert_array_equal((await chain.infer(x))["y"], x * 9 + 1)
        assert 3 * LARGE < sent_bytes(live["outer"]) < 3 * LARGE * 1.01
        assert 3 * LARGE < sent_bytes(live["inner"]) < 3 * LARGE * 1.01


async def test_static_peers_need_no_multicast(five: Path) -> None:
    placement = {"n1": ("head", "meet"), "n2": ("left", "tail"), "n3": ("right",)}
    async with nodes(five, placement, static=True) as live, connected(live) as chain:
        x = chains.question(8)
        np.testing.assert_array_equal((await chain.infer(x))["y"], chains.five_answer(x))


async def test_peers_are_asked_for_the_chain_by_the_name_the_caller_gave(five: Path) -> None:
    """Nodes may run a chain under another name than its manifest's."""
    stages = ("head", "left", "right", "meet", "tail")
    async with nodes(five, {"n": stages}, chain_name="renamed") as live:
        async with connected(live) as chain:
            assert (chain.name, chain.manifest.name) == ("renamed", "five")
        peers = [live["n"].address]
        with pytest.raises(edgechain.EdgechainError, match="runs chain 'renamed'"):
            async with edgechain.connect(
                "five", peers=peers, namespace=NAMESPACE, timeout=1, identity=client_identity()
            ):
                pytest.fail("it is not called that")


async def test_a_client_finds_nodes_by_mdns_alone(five: Path) -> None:
    placement = {"n1": ("head", "meet"), "n2": ("left", "tail"), "n3": ("right",)}
    async with (
        nodes(five, placement),
        edgechain.connect(
            "five",
            namespace=NAMESPACE,
            mdns=True,
            timeout=READY_SECONDS,
            identity=client_identity(),
        ) as chain,
    ):
        x = chains.question(9)
        np.testing.assert_array_equal((await chain.infer(x))["y"], chains.five_answer(x))


@pytest.fixture
def batches(tmp_path: Path) -> Path:
    """Any number of rows up to ROWS."""
    rows = TensorSpec(name="x", dtype=DType.INT64, shape=(-1, 3), bound_bytes=ROWS * 3 * 8)
    sums = TensorSpec(name="a", dtype=DType.INT64, shape=(-1, 1), bound_bytes=ROWS * 8)
    stages = (
        chains.actor("sum", "Batch", "x", "a"),
        chains.actor("double", "Affine", "a", "y", factor=2),
    )
    specs = {"x": rows, "a": sums, "y": sums.model_copy(update={"name": "y"})}
    return chains.write(tmp_path / "batches", chains.connected("batches", *stages, specs=specs))


async def test_batches_of_any_size_the_chain_allows(batches: Path) -> None:
    placement = {"n1": ("sum",), "n2": ("double",)}
    async with nodes(batches, placement) as live, connected(live) as chain:
        for rows in (1, ROWS, 2, 3):
            x = np.arange(rows * 3, dtype=np.int64).reshape(rows, 3)
            expected = x.sum(axis=1, keepdims=True) * 2
            np.testing.assert_array_equal((await chain.infer(x))["y"], expected)
        with pytest.raises(edgechain.RequestError, match="more than the 96 bytes"):
            await chain.infer(np.zeros((ROWS + 1, 3), np.int64))
