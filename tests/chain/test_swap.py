"""`edgechain swap`: there and back while a client asks; what is broken leaves the chain alone."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgechain.discovery.local import LocalChain, find_chain
from edgechain.node.swapping import assign
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ChainManifest
from tests.chain import chains
from tests.commands import PATIENCE, Edgechain, read_npz

pytestmark = [pytest.mark.processes, pytest.mark.may_block]


@pytest.fixture
def shell(tmp_path: Path, state_dir: Path) -> Edgechain:
    return Edgechain(tmp_path, state_dir)


@pytest.fixture
def running(tmp_path: Path, shell: Edgechain) -> Iterator[str]:
    """A chain that doubles."""
    np.savez(tmp_path / "ones.npz", x=np.ones(chains.WIDTH, np.int64))
    with shell.up(chains.two_stages(tmp_path / "old", 2), f"swapped-{os.getpid()}") as name:
        yield name


def factor(shell: Edgechain, name: str) -> int:
    """What the running chain multiplies by."""
    shell("infer", name, "--input", "ones.npz", "-o", "answer.npz")
    return int(read_npz(shell.folder / "answer.npz")["y"][0])


def states(shell: Edgechain) -> list[list[str]]:
    nodes = shell("status", "--listen", "0", "--json").json()["nodes"]
    return [[found["state"] for found in node["generations"]] for node in nodes]


def record(name: str) -> LocalChain:
    found = find_chain(name)
    assert found is not None
    return found


def test_there_and_back(tmp_path: Path, shell: Edgechain, running: str) -> None:
    new = chains.two_stages(tmp_path / "new", 3)
    generation = load_manifest(new).generation
    before = record(running)
    said = shell("swap", running, new)
    assert f"runs generation {generation[:12]}" in said.out
    assert (record(running).generation, factor(shell, running)) == (generation, 3)
    assert "already runs" in shell("swap", running, new).out
    shell("swap", running, before.directory)
    assert (record(running), factor(shell, running)) == (before, 2)


def test_stages_of_other_names_keep_their_places(
    tmp_path: Path, shell: Edgechain, running: str
) -> None:
    new = chains.two_stages(tmp_path / "renamed", 5, ("front", "back"))
    shell("swap", running, new)
    assert [node.stages for node in record(running).nodes] == [("front",), ("back",)]
    assert factor(shell, running) == 5


def test_one_that_does_not_load(tmp_path: Path, shell: Edgechain, running: str) -> None:
    before = record(running)
    new = chains.two_stages(tmp_path / "broken", 5, no_such_option=1)
    refusal = shell("swap", running, new, status=1).refusal()
    assert "no_such_option" in refusal
    assert "the chain runs as before" in refusal
    assert (record(running), factor(shell, running)) == (before, 2)
    shell("swap", running, chains.two_stages(tmp_path / "new", 3))
    assert factor(shell, running) == 3


def test_one_whose_file_was_changed(tmp_path: Path, shell: Edgechain, running: str) -> None:
    new = chains.two_stages(tmp_path / "spoilt", 5)
    (new / chains.SOURCE.name).write_text("no")
    assert "was changed" in shell("swap", running, new, status=1).refusal()
    assert states(shell) == [["current"], ["current"]]


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_one_leaves_a_working_chain(
    tmp_path: Path, shell: Edgechain, running: str, number: signal.Signals
) -> None:
    new = chains.two_stages(tmp_path / "slow", 7, sleeps=1.5)
    swapping = shell.start("swap", running, new)
    while not any("next" in Path(node.config).read_text() for node in record(running).nodes):
        assert swapping.poll() is None, swapping.communicate()
    swapping.send_signal(number)
    swapping.communicate(timeout=PATIENCE)
    assert swapping.returncode == (130 if number is signal.SIGINT else -number)
    assert factor(shell, running) == 2
    shell("swap", running, new)
    assert factor(shell, running) == 7


def several(folder: Path, count: int) -> Path:
    """A chain of so many stages that multiplies by their number."""
    tensors = ["x", *(f"t{n}" for n in range(1, count)), "y"]
    stages = [
        chains.actor(f"s{n}of{count}", "Affine", *tensors[n : n + 2], factor=1 if n else count)
        for n in range(count)
    ]
    return chains.write(folder / f"of{count}", chains.connected("swapped", *stages))


@pytest.mark.once
def test_more_and_fewer_stages(tmp_path: Path, shell: Edgechain, running: str) -> None:
    """Nodes are started for those there were not before, and end when they are of no use."""
    before = record(running)
    for count in (3, 1, 4):
        shell("swap", running, several(tmp_path, count))
        assert factor(shell, running) == count
        now = record(running)
        assert [len(node.stages) for node in now.nodes] == [1] * count
        while (there := states(shell)) != [["current"]] * count:
            assert {state for node in there for state in node} == {"current", "retiring"}
    shell("swap", running, before.directory)
    assert factor(shell, running) == 2
    assert len(record(running).nodes) == 2


@pytest.mark.once
def test_a_new_node_that_cannot_load_ends_again(
    tmp_path: Path, shell: Edgechain, running: str
) -> None:
    before = record(running)
    stages = [
        chains.actor("one", "Affine", "x", "a"),
        chains.actor("two", "Affine", "a", "b"),
        chains.actor("three", "Affine", "b", "y", no_such_option=1),
    ]
    broken = chains.write(tmp_path / "broken", chains.connected("swapped", *stages))
    *_, refusal = shell("swap", running, broken, status=1).err.splitlines()
    assert f"{running}-three: " in refusal
    assert "no_such_option" in refusal
    assert (record(running), factor(shell, running)) == (before, 2)
    assert states(shell) == [["current"], ["current"]]


def test_an_unknown_chain(tmp_path: Path, shell: Edgechain) -> None:
    new = chains.two_stages(tmp_path / "new", 3)
    assert "nobody" in shell("swap", "nobody", new, status=1).refusal()


def manifest(*stages: str) -> ChainManifest:
    tensors = itertools.pairwise(["x", "a", "b", "c"])
    pairs = zip(stages, tensors, strict=False)
    return chains.connected("c", *(chains.actor(s, "Affine", *way) for s, way in pairs))


def local(*stages: str) -> LocalChain:
    nodes = [
        {"name": f"n{i}", "pid": 1, "started": 1, "address": "h:1", "stages": [stage]}
        for i, stage in enumerate(stages)
    ]
    return LocalChain.model_validate(
        {"name": "c", "generation": "0" * 64, "directory": "/", "nodes": nodes}
    )


def test_replicas_keep_the_stage_of_their_name_or_their_place() -> None:
    running = local("one", "one", "two", "two")
    assert list(assign(running, manifest("two", "one")).values()) == [
        ("one",), ("one",), ("two",), ("two",)
    ]  # fmt: skip
    assert list(assign(running, manifest("f", "b")).values()) == [("f",), ("f",), ("b",), ("b",)]


def test_more_stages_than_before_have_nodes_of_their_own() -> None:
    found = assign(local("one", "two"), manifest("f", "m", "b"))
    assert found == {"n0": ("f",), "n1": ("m",), "c-b": ("b",)}


def test_nodes_of_stages_that_there_are_no_more_have_none() -> None:
    assert assign(local("one", "two"), manifest("two")) == {"n0": ("two",), "n1": ()}


def test_a_new_nodes_name_is_its_own() -> None:
    running = local("one").model_copy(update={"name": "c"})
    nodes = (running.nodes[0].model_copy(update={"name": "c-b"}),)
    running = running.model_copy(update={"nodes": nodes})
    assert list(assign(running, manifest("f", "b"))) == ["c-b", "c-b-2"]
