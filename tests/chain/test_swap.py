"""`edgechain swap`: there and back while a client asks; what is broken leaves the chain alone."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgechain.discovery.local import LocalChain, find_chain
from edgechain.errors import InvalidChain
from edgechain.node.swapping import assign
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ChainManifest
from tests.chain import chains
from tests.commands import Edgechain, read_npz

pytestmark = [pytest.mark.processes, pytest.mark.may_block]


def two_stages(
    folder: Path, factor: int, names: tuple[str, str] = ("one", "two"), **more: Any
) -> Path:
    stages = (
        chains.actor(names[0], "Affine", "x", "a", factor=factor),
        chains.actor(names[1], "Affine", "a", "y", **more),
    )
    return chains.write(folder, chains.connected("swapped", *stages))


@pytest.fixture
def shell(tmp_path: Path, state_dir: Path) -> Edgechain:
    return Edgechain(tmp_path, state_dir)


@pytest.fixture
def running(tmp_path: Path, shell: Edgechain) -> Iterator[str]:
    """A chain that doubles."""
    np.savez(tmp_path / "ones.npz", x=np.ones(chains.WIDTH, np.int64))
    with shell.up(two_stages(tmp_path / "old", 2), f"swapped-{os.getpid()}") as name:
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
    new = two_stages(tmp_path / "new", 3)
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
    new = two_stages(tmp_path / "renamed", 5, ("front", "back"))
    shell("swap", running, new)
    assert [node.stages for node in record(running).nodes] == [("front",), ("back",)]
    assert factor(shell, running) == 5


def test_one_that_does_not_load(tmp_path: Path, shell: Edgechain, running: str) -> None:
    before = record(running)
    new = two_stages(tmp_path / "broken", 5, no_such_option=1)
    refusal = shell("swap", running, new, status=1).refusal()
    assert "no_such_option" in refusal
    assert "the chain runs as before" in refusal
    assert (record(running), factor(shell, running)) == (before, 2)
    shell("swap", running, two_stages(tmp_path / "new", 3))
    assert factor(shell, running) == 3


def test_one_whose_file_was_changed(tmp_path: Path, shell: Edgechain, running: str) -> None:
    new = two_stages(tmp_path / "spoilt", 5)
    (new / chains.SOURCE.name).write_text("no")
    assert "was changed" in shell("swap", running, new, status=1).refusal()
    assert states(shell) == [["current"], ["current"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_one_leaves_a_working_chain(
    tmp_path: Path, shell: Edgechain, running: str, number: signal.Signals
) -> None:
    new = two_stages(tmp_path / "slow", 7, sleeps=1.5)
    swapping = shell.start("swap", running, new)
    while not any("next" in Path(node.config).read_text() for node in record(running).nodes):
        assert swapping.poll() is None, swapping.communicate()
    swapping.send_signal(number)
    swapping.communicate(timeout=30)
    assert swapping.returncode == (130 if number is signal.SIGINT else -number)
    assert factor(shell, running) == 2
    shell("swap", running, new)
    assert factor(shell, running) == 7


def test_an_unknown_chain(tmp_path: Path, shell: Edgechain) -> None:
    new = two_stages(tmp_path / "new", 3)
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


@pytest.mark.parametrize("stages", [("one",), ("one", "two", "three")])
def test_more_or_fewer_stages_than_nodes(stages: tuple[str, ...]) -> None:
    with pytest.raises(InvalidChain, match="edgechain down c"):
        assign(local("one", "two"), manifest(*stages))
