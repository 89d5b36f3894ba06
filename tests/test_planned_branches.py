"""A network with parallel heads on four boards: planned for one frame's way, cut, run, compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan.files import read_devices
from edgechain.plan.place import place
from edgechain.plan.timeline import Work, timeline
from edgechain.plan.topology import problem_on
from edgechain.spec.problem import Objective
from tests.commands import Edgechain, read_npz, same_bits, whole_model

pytestmark = [pytest.mark.models, pytest.mark.processes, pytest.mark.may_block, pytest.mark.once]

BOARDS = 4


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    return Edgechain(tmp_path, state_dir)


@pytest.fixture
def devices(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"pi-{letter}.yaml" for letter in "abcd"[:BOARDS]]
    for path in paths:
        path.write_text(f"name: {path.stem}\ninsecure: true\nchain: .\ndevice: {{board: pi-4}}\n")
    return paths


def side_by_side(works: tuple[Work, ...]) -> bool:
    """Whether two boards work on the same frame at the same time for a while worth it."""
    return any(
        min(one.end, other.end) - max(one.start, other.start)
        > 0.25 * min(one.seconds, other.seconds)
        for at, one in enumerate(works)
        for other in works[:at]
    )


def test_parallel_heads_go_to_different_boards_where_that_is_sooner(
    models: Path, devices: list[Path]
) -> None:
    model = read_model(models / "yolov8n_int8.tflite")
    problem = problem_on(graph_of(model), read_devices(devices, model.sha256)).problem
    alone = place(
        problem_on(graph_of(model), read_devices(devices[:1], model.sha256)).problem,
        Objective.LATENCY,
    )
    found = place(problem, Objective.LATENCY)
    assert found.is_split
    assert side_by_side(timeline(problem, found).works)
    assert found.score.latency < 0.9 * alone.score.latency


def test_the_chain_of_such_a_plan_answers_like_the_whole_model(
    edgechain: Edgechain, models: Path, devices: list[Path]
) -> None:
    """On a node for every board, called like it."""
    model = models / "yolov8n_int8.tflite"
    pattern = str(devices[0].parent / "pi-*.yaml")
    edgechain("plan", model, "--devices", pattern, "--objective", "latency", "-o", "plan.yaml")
    assert edgechain("split", model, "--plan", "plan.yaml", "-o", "heads", "--json").json()["equal"]
    other = edgechain("up", "heads", "--plan", "plan.yaml", "--replicas", "2", status=2)
    assert "the plan says what has copies" in other.err
    edgechain("up", "heads", "--plan", "plan.yaml", "--detach")
    try:
        nodes = edgechain("status", "--json").json()["nodes"]
        image = np.random.default_rng(6).random((1, 640, 640, 3), dtype=np.float32)
        np.savez(edgechain.folder / "image.npz", inputs_0=image)
        edgechain("infer", "heads", "--input", "image.npz", "-o", "found.npz")
    finally:
        edgechain("down", "heads")
    assert {node["name"] for node in nodes} <= {path.stem for path in devices}
    assert len(nodes) > 1
    assert same_bits(read_npz(edgechain.folder / "found.npz"), whole_model(model, [image]))


def test_a_plan_of_another_cut_is_refused(
    edgechain: Edgechain, models: Path, devices: list[Path]
) -> None:
    model = models / "detect.tflite"
    edgechain("plan", model, "--devices", devices[0], "-o", "plan.yaml")
    edgechain("split", model, "--stages", "2", "-o", "pair")
    refused = edgechain("up", "pair", "--plan", "plan.yaml", status=1).refusal()
    assert refused == "edgechain: plan.yaml: chain pair was not cut after it: its stages are others"
