"""`edgechain apply` with a real model: it is cut as the plan says, and answers the same bits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgechain.discovery.local import find_chain
from edgechain.model.graph import graph_of
from edgechain.model.source import Model, read_model
from edgechain.plan.change import Fate, changes
from edgechain.plan.files import write_document
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ModelSource
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.problem import Objective
from tests.commands import Arrays, Edgechain, read_npz, same_bits
from tests.watch.needs import ROOT

pytestmark = pytest.mark.once

MODEL = ROOT / "tools" / "demo" / "digits.tflite"


def planned(
    stages: Mapping[str, tuple[str, str]], sha256: str = "0" * 64, packed: Sequence[str] = ()
) -> PlanFile:
    """Stage name to its device and its operators."""
    return PlanFile(
        model=ModelSource(file=MODEL.name, sha256=sha256),
        objective=Objective.LATENCY,
        period_ms=1.0,
        latency_ms=2.0,
        lower_bound_ms=1.0,
        stages=tuple(
            PlannedStage(name=name, device=device, operators=operators, work_ms=1.5)
            for name, (device, operators) in stages.items()
        ),
        packed=tuple(packed),
    )


TWO = {"stage0": ("pi-a", "0-59"), "stage1": ("pi-b", "60-63")}


def test_what_becomes_of_each_device() -> None:
    old = planned(TWO)
    new = planned({"stage0": ("pi-b", "0-20"), "stage1": ("pi-c", "21-59"), "s": ("pi-b", "60-63")})
    found = changes({"pi-a": ("stage0",), "pi-b": ("stage1",)}, new, old)
    assert [(one.device, one.then, one.fate, one.work_ms) for one in found] == [
        ("pi-b", ("stage0", "s"), Fate.LOADS, 3.0),
        ("pi-c", ("stage1",), Fate.STARTS, 1.5),
        ("pi-a", (), Fate.ENDS, None),
    ]


def test_a_node_that_stands_by_starts_and_one_without_a_plan_loads() -> None:
    now = {"pi-a": (), "pi-b": ("stage1",)}
    assert [one.fate for one in changes(now, planned(TWO), None)] == [Fate.STARTS, Fate.LOADS]


def test_the_same_operators_stay() -> None:
    now = {"pi-a": ("stage0",), "pi-b": ("stage1",)}
    assert [one.fate for one in changes(now, planned(TWO), planned(TWO))] == [Fate.STAYS] * 2
    other = planned(TWO, "1" * 64)
    assert [one.fate for one in changes(now, other, planned(TWO))] == [Fate.LOADS] * 2


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_a_model_is_cut_anew(tmp_path: Path, state_dir: Path) -> None:
    shell = Edgechain(tmp_path, state_dir)
    whole = read_model(MODEL)
    sha256, last = whole.sha256, len(graph_of(whole).operators) - 1
    first = {"stage0": ("pi-a", "0-59"), "stage1": ("pi-b", f"60-{last}")}
    second = {"s0": ("pi-b", "0-30"), "s1": ("pi-c", "31-59"), "s2": ("pi-b", f"60-{last}")}
    packed = crossing(whole, 30)
    for name, stages, packs in (
        ("first", first, ()),
        ("second", second, packed),
        ("packed", first, crossing(whole, 59)),
        ("wrong", first, packed),
    ):
        write_document(tmp_path / f"{name}.plan", planned(stages, sha256, packs))
    image = np.random.default_rng(7).integers(0, 255, (1, 160, 160, 3), np.uint8)
    np.savez(tmp_path / "in.npz", image=image)
    refusal = shell("split", MODEL, "--plan", "wrong.plan", "-o", "digits", status=1).refusal()
    assert "wrong.plan: packed.0: " in refusal
    shell("split", MODEL, "--plan", "first.plan", "-o", "digits")
    refusal = shell("up", "digits", "--plan", "packed.plan", status=1).refusal()
    assert "packed.plan: chain digits was not cut after it: other tensors cross" in refusal
    name = f"digits-{os.getpid()}"
    shell("up", "digits", "--name", name, "--plan", "first.plan", "--detach")
    try:
        answers = [asked(shell, name)]
        refusal = shell("apply", "second.plan", "--yes", status=1).refusal()
        assert "digits.tflite is neither beside it nor here" in refusal
        told = shell("apply", "second.plan", "--model", MODEL, "--to", "new", "--yes").out
        assert "cut from digits.tflite into new" in told
        assert load_manifest(tmp_path / "new").packed == packed
        assert placement(name) == {"pi-b": ("s0", "s2"), "pi-c": ("s1",)}
        answers.append(asked(shell, name))
        words = ("apply", "packed.plan", "--model", MODEL, "--dry-run")
        assert "cut from digits.tflite into " in shell(*words).out, "what runs packs other tensors"
        shell("apply", "first.plan", "--model", MODEL, "--yes")
        assert placement(name) == {"pi-a": ("stage0",), "pi-b": ("stage1",)}
        answers.append(asked(shell, name))
    finally:
        shell("down", name)
    assert all(same_bits(answers[0], answer) for answer in answers)


def crossing(model: Model, after: int) -> tuple[str, ...]:
    """What a stage that ends with this operator hands on, but for outputs."""
    graph = graph_of(model)
    return tuple(graph.tensors[t].name for t in graph.crossing(after) if t not in graph.outputs)


def asked(shell: Edgechain, name: str) -> Arrays:
    shell("infer", name, "--input", "in.npz", "-o", "answer.npz")
    return read_npz(shell.folder / "answer.npz")


def placement(name: str) -> dict[str, tuple[str, ...]]:
    found = find_chain(name)
    assert found is not None
    return {node.name: node.stages for node in found.nodes}
