"""A model whose first part two boards take in turns: planned, cut, run on three nodes, compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan.files import read_plan
from edgechain.spec.chain import ModelSource
from edgechain.spec.document import render
from edgechain.spec.profile import DeviceProfile
from tests.commands import Edgechain, read_npz, same_bits, whole_model
from tests.watch.needs import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.may_block, pytest.mark.once]

DIGITS = ROOT / "tools" / "demo" / "digits.tflite"
FIRST_MS, OTHER_MS = 100.0, 1.0


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    """With three boards on which the first operator takes longest."""
    model = read_model(DIGITS)
    count = len(graph_of(model).operators)
    profile = DeviceProfile(
        device="any",
        model=ModelSource(file=DIGITS.name, sha256=model.sha256),
        interpreter="litert",
        threads=4,
        operator_ms=(FIRST_MS, *(OTHER_MS,) * (count - 1)),
    )
    (tmp_path / "any.profile").write_text(render(profile))
    device = "{profiles: [any.profile], network: {mbit: 1000000, ms: 0}}"
    for name in ("pi-a", "pi-b", "pi-c"):
        words = f"name: {name}\ninsecure: true\nchain: none\ndevice: {device}\n"
        (tmp_path / f"{name}.yaml").write_text(words)
    return Edgechain(tmp_path, state_dir)


def test_every_copy_of_a_plan_gets_a_node_and_the_chain_answers_like_the_whole_model(
    edgechain: Edgechain,
) -> None:
    """What comes last is pinned, so that the boards cannot all have everything."""
    plan = ("plan", DIGITS, "--devices", "pi-*.yaml", "--pin", "output=pi-c", "--copies")
    said = edgechain(*plan, "-o", "copied.plan").out
    assert "2 stages on pi-a and pi-b; pi-c: " in said
    stages = read_plan(edgechain.folder / "copied.plan").stages
    assert [{stage.device, *stage.copies} for stage in stages] == [{"pi-a", "pi-b"}, {"pi-c"}]
    split = edgechain("split", DIGITS, "--plan", "copied.plan", "-o", "digits", "--json")
    assert split.json()["equal"]
    edgechain("up", "digits", "--plan", "copied.plan", "--detach")
    try:
        nodes = edgechain("status", "--json").json()["nodes"]
        image = np.random.default_rng(6).integers(0, 256, (1, 160, 160, 3), np.uint8)
        np.savez(edgechain.folder / "image.npz", image=image)
        edgechain("infer", "digits", "--input", "image.npz", "-o", "found.npz")
        refused = edgechain(*plan[:4], "--refine", "copied.plan", "--listen", "0", status=1)
    finally:
        edgechain("down", "digits")
    runs = {node["name"]: [stage["name"] for stage in node["stages"]] for node in nodes}
    assert runs == {"pi-a": ["stage0"], "pi-b": ["stage0"], "pi-c": ["stage1"]}
    assert same_bits(read_npz(edgechain.folder / "found.npz"), whole_model(DIGITS, [image]))
    assert refused.refusal() == (
        "edgechain: copied.plan: a plan with copies cannot be refined; plan anew, with --copies"
    )
