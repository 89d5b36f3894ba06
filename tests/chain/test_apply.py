"""`edgechain apply`: a chain moves between devices; what cannot be leaves it as it was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgechain
from edgechain.discovery.local import LocalChain, find_chain
from edgechain.plan.files import write_document
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ModelSource
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.problem import Objective
from tests.chain import chains
from tests.commands import PATIENCE, Edgechain, Said, read_npz
from tests.faults.hash_actors import DIGEST, HEAD, RUN
from tests.faults.hash_chain import Answer, Array, HashChain, slow, write_chain
from tests.faults.ledger import Ledger
from tests.faults.load import Asker, answered, loaded
from tests.faults.swapping import ManyGenerations

pytestmark = [pytest.mark.once, pytest.mark.processes, pytest.mark.may_block]

WAYS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "g0": {"first": ("x", "a"), "last": ("a", "y")},
    "three": {"head": ("x", "a"), "side": ("a", "b"), "tail": ("a b", "y")},
    "one": {"all": ("x", "y")},
    "two": {"front": ("x", "a"), "back": ("a", "y")},
}
WIDTH = HEAD + 3 * RUN.size
IN_FLIGHT = 6


def plan(path: Path, stages: Mapping[str, Sequence[str]], **more: Any) -> Path:
    """A plan file: every stage and its devices."""
    planned = tuple(
        PlannedStage(name=name, device=first, copies=tuple(copies), operators="", work_ms=10.0)
        for name, (first, *copies) in stages.items()
    )
    fields: dict[str, Any] = {
        "model": ModelSource(file="none.tflite", sha256="0" * 64),
        "objective": Objective.THROUGHPUT,
        "period_ms": 10.0,
        "latency_ms": 10.0 * len(stages),
        "lower_bound_ms": 10.0,
        "limits": "device pi-a",
        "stages": planned,
    }
    write_document(path, PlanFile(**fields | more))
    return path


class Placed(ManyGenerations):
    """Generations with stages of their own."""

    def make(self, label: str) -> HashChain:
        if label not in self._made:
            ways = WAYS[label]
            self._made[label] = write_chain(
                self.directory(label),
                ways,
                label=label,
                seed=self._seed,
                width=WIDTH,
                options=slow(ways, 0.005),
            )
        return self._made[label]

    def read(self, value: Array) -> Answer:
        found = super().read(value)
        for label in self.allowed:
            if self._made[label].answer(found.number) == value.tobytes()[:DIGEST]:
                return replace(found, runs=self._made[label].read(value).runs)
        return found


@pytest.fixture
def shell(tmp_path: Path, state_dir: Path) -> Edgechain:
    return Edgechain(tmp_path, state_dir)


@asynccontextmanager
async def running(shell: Edgechain, chain: Path, plan_file: Path) -> AsyncIterator[str]:
    """A chain that runs as planned, in the background."""
    name = f"moved-{os.getpid()}"
    await said(shell, "up", chain, "--name", name, "--plan", plan_file, "--detach")
    try:
        yield name
    finally:
        await said(shell, "down", name)


async def said(shell: Edgechain, *words: str | Path, status: int = 0) -> Said:
    return await asyncio.to_thread(shell, *words, status=status)


def record(name: str) -> LocalChain:
    found = find_chain(name)
    assert found is not None
    return found


def placement(name: str) -> dict[str, tuple[str, ...]]:
    return {node.name: node.stages for node in record(name).nodes}


@pytest.mark.once
@pytest.mark.timeout(300)
async def test_under_load_from_two_devices_to_three_to_one_to_two_and_back(
    tmp_path: Path, shell: Edgechain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request has one right answer, of one generation; no error, nothing mixed.

    One client has the chain's record, another one hears of its nodes by mDNS.
    """
    monkeypatch.setenv("EDGECHAIN_NAMESPACE", shell.namespace())
    many = Placed(tmp_path, WAYS["g0"], "apply")
    plans = {
        "g0": plan(tmp_path / "g0.plan", {"first": ["pi-a"], "last": ["pi-b"]}),
        "three": plan(
            tmp_path / "three.plan", {"head": ["pi-b"], "side": ["pi-c"], "tail": ["pi-a"]}
        ),
        "one": plan(tmp_path / "one.plan", {"all": ["pi-d"]}),
        "two": plan(tmp_path / "two.plan", {"front": ["pi-d"], "back": ["pi-a", "pi-b"]}),
    }
    ledger, other, allowed = Ledger(many.answer), Ledger(many.answer), ["g0"]
    async with running(shell, many.directory("g0"), plans["g0"]) as name:
        heard = edgechain.connect(name, mdns=True, identity=record(name).identity, timeout=PATIENCE)
        async with (
            edgechain.connect(name, timeout=PATIENCE) as client,
            heard as listener,
            loaded(Asker(client, many, ledger, PATIENCE), in_flight=IN_FLIGHT),
            loaded(Asker(listener, many, other, PATIENCE), in_flight=1),
        ):
            assert await answered(ledger, 20, PATIENCE)
            for label in ("three", "one", "two", "g0"):
                many.make(label)
                allowed = [*allowed[-1:], label]
                many.allowed = tuple(allowed)
                before = many.answers[label]
                told = await said(
                    *(shell, "apply", plans[label], "--to", many.directory(label)),
                    *("--chain", name, "--yes"),
                )
                assert "runs generation" in told.out
                assert await answered(ledger, 20, PATIENCE)
                assert await answered(other, 5, PATIENCE)
                assert many.answers[label] > before, f"{label} answers nothing"
        assert placement(name) == {"pi-a": ("first",), "pi-b": ("last",)}
        assert record(name).generation == many.make("g0").manifest.generation
    for account in (ledger.account(), other.account()):
        assert (account.faults, account.failed) == (0, 0), (account, *many.oddities)
        assert account.right == account.submitted > 20


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    stages = (
        chains.actor("one", "Affine", "x", "a", factor=2),
        chains.actor("two", "Affine", "a", "y"),
    )
    np.savez(tmp_path / "ones.npz", x=np.ones(chains.WIDTH, np.int64))
    return chains.write(tmp_path / "doubling", chains.connected("doubling", *stages))


@pytest.fixture
def placed(tmp_path: Path, shell: Edgechain, doubling: Path) -> Iterator[str]:
    """A chain that doubles, on pi-a and pi-b."""
    name = f"placed-{os.getpid()}"
    first = plan(tmp_path / "first.plan", {"one": ["pi-a"], "two": ["pi-b"]})
    shell("up", doubling, "--name", name, "--plan", first, "--detach")
    yield name
    shell("down", name, status=None)


def factor(shell: Edgechain, name: str) -> int:
    shell("infer", name, "--input", "ones.npz", "-o", "answer.npz")
    return int(read_npz(shell.folder / "answer.npz")["y"][0])


def test_the_same_submodels_on_other_devices(tmp_path: Path, shell: Edgechain, placed: str) -> None:
    """A generation has one placement: the same submodels elsewhere are another one."""
    before = record(placed)
    other = plan(tmp_path / "other.plan", {"one": ["pi-b"], "two": ["pi-c", "pi-a"]})
    shell("apply", other, "--yes")
    assert placement(placed) == {"pi-a": ("two",), "pi-b": ("one",), "pi-c": ("two",)}
    assert record(placed).generation != before.generation
    assert factor(shell, placed) == 2
    assert "already runs" in shell("apply", other, "--yes").out
    together = plan(tmp_path / "together.plan", {"one": ["pi-c"], "two": ["pi-c"]})
    shell("apply", together, "--yes")
    assert placement(placed) == {"pi-c": ("one", "two")}
    assert factor(shell, placed) == 2


def test_what_is_shown_or_refused_changes_nothing(
    tmp_path: Path, shell: Edgechain, placed: str, doubling: Path
) -> None:
    before, seen = record(placed), tree(shell.state)
    other = plan(tmp_path / "other.plan", {"one": ["pi-c"], "two": ["pi-b"]}, period_ms=7.5)
    assert "10.000 ms now, 7.500 ms then" in shell("apply", other, "--dry-run").out
    told = shell("apply", other, "--dry-run", "--json").json()
    assert [(one["name"], one["now"], one["then"], one["what"]) for one in told["devices"]] == [
        ("pi-c", [], ["one"], "starts"),
        ("pi-b", ["two"], ["two"], "stays"),
        ("pi-a", ["one"], [], "ends"),
    ]
    assert (told["now"]["period_ms"], told["then"]["period_ms"]) == (10.0, 7.5)
    assert told["applied"] is False
    assert "--yes or --dry-run" in shell("apply", other, status=2).refusal()
    fewer = plan(tmp_path / "fewer.plan", {"one": ["pi-a"]})
    refusal = shell("apply", fewer, "--to", doubling, "--yes", status=1).refusal()
    assert "was not cut after it" in refusal
    refusal = shell("apply", fewer, "--yes", status=1).refusal()
    assert "none.tflite is neither beside it nor here" in refusal
    assert (record(placed), tree(shell.state)) == (before, seen)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but the logs of what runs."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".log"
    }


def test_a_device_that_cannot_be_there(tmp_path: Path, shell: Edgechain, placed: str) -> None:
    """A client has this name: no node of it can prove who it is. A first new one ends again."""
    before = record(placed)
    bad = plan(tmp_path / "bad.plan", {"one": ["pi-c"], "two": ["client"]})
    refusal = shell("apply", bad, "--yes", status=1).refusal()
    assert "client cannot be started" in refusal
    assert (record(placed), factor(shell, placed)) == (before, 2)
    assert len(shell("status", "--listen", "0", "--json").json()["nodes"]) == 2


def test_a_submodel_that_is_broken(
    tmp_path: Path, shell: Edgechain, placed: str, doubling: Path
) -> None:
    before = record(placed)
    stages = (
        chains.actor("one", "Affine", "x", "a", factor=3),
        chains.actor("two", "Affine", "a", "y", no_such_option=1),
    )
    broken = chains.write(tmp_path / "broken", chains.connected("broken", *stages))
    other = plan(tmp_path / "other.plan", {"one": ["pi-b"], "two": ["pi-c"]})
    *_, refusal = shell("apply", other, "--to", broken, "--yes", status=1).err.splitlines()
    assert "pi-c: " in refusal
    assert "no_such_option" in refusal
    assert (record(placed), factor(shell, placed)) == (before, 2)
    (broken / chains.SOURCE.name).write_text("no")
    refusal = shell("apply", other, "--to", broken, "--yes", status=1).refusal()
    assert "was changed" in refusal
    assert (record(placed), factor(shell, placed)) == (before, 2)


def test_nodes_that_came_and_went_end_with_an_up_in_the_foreground(
    tmp_path: Path, shell: Edgechain, doubling: Path
) -> None:
    """It goes on when all of the nodes that it started have been let go."""
    name = f"watched-{os.getpid()}"
    first = plan(tmp_path / "first.plan", {"one": ["pi-a"], "two": ["pi-b"]})
    up = shell.start("up", doubling, "--name", name, "--plan", first)
    try:
        while find_chain(name) is None or len(record(name).nodes) < 2:
            assert up.poll() is None, up.communicate()
        other = plan(tmp_path / "other.plan", {"one": ["pi-c"], "two": ["pi-d"]})
        told = shell("apply", other, "--yes", status=None)
        while "is being started" in told.err:  # it is on record before all of it is linked
            told = shell("apply", other, "--yes", status=None)
        assert told.status == 0, told
        assert factor(shell, name) == 2
        assert placement(name) == {"pi-c": ("one",), "pi-d": ("two",)}
        assert up.poll() is None
        up.terminate()
        said, complaint = up.communicate(timeout=PATIENCE)
        assert up.returncode == 0, (said, complaint)
        assert find_chain(name) is None
    finally:
        up.kill()
        up.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_one_leaves_a_working_chain(
    tmp_path: Path, shell: Edgechain, placed: str, number: signal.Signals
) -> None:
    """With Ctrl-C all is as before; a killed one is finished, or taken back, by the next."""
    before = record(placed)
    stages = (
        chains.actor("one", "Affine", "x", "a", factor=7, sleeps=1.5),
        chains.actor("two", "Affine", "a", "y"),
    )
    slow_one = chains.write(tmp_path / "slow", chains.connected("slow", *stages))
    other = plan(tmp_path / "other.plan", {"one": ["pi-c"], "two": ["pi-a"]})
    moving = shell.start("apply", other, "--to", slow_one, "--chain", placed, "--yes")
    while not any("next" in Path(node.config).read_text() for node in before.nodes):
        assert moving.poll() is None, moving.communicate()
    moving.send_signal(number)
    moving.communicate(timeout=PATIENCE)
    assert moving.returncode == (130 if number is signal.SIGINT else -number)
    assert factor(shell, placed) == 2
    assert (record(placed) == before) is (number is signal.SIGINT)
    shell("apply", other, "--to", slow_one, "--yes")
    assert factor(shell, placed) == 7
    assert placement(placed) == {"pi-a": ("two",), "pi-c": ("one",)}


def test_a_node_that_was_lost_is_there_again(
    tmp_path: Path, shell: Edgechain, placed: str, doubling: Path
) -> None:
    lost = next(node for node in record(placed).nodes if node.name == "pi-b")
    os.kill(lost.pid, 9)
    same = plan(tmp_path / "same.plan", {"one": ["pi-a"], "two": ["pi-b"]})
    shell("apply", same, "--yes")
    assert record(placed).generation == load_manifest(doubling).generation
    assert factor(shell, placed) == 2
