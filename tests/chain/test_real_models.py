"""Real models, cut and run over nodes: the answer is the whole model's, to the last bit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.model.chain import Plan, make_chain
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan.balance import balance
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.clock import SystemClock
from edgechain.runtime.interpreter import open_interpreter
from edgechain.runtime.self_test import SelfTest
from edgechain.runtime.supervisor import Supervisor
from edgechain.spec.chain import ChainManifest
from tests.chain.nodes import connected, nodes
from tests.commands import same_bits

pytestmark = [pytest.mark.models, pytest.mark.may_block]

Arrays = dict[str, NDArray[Any]]
REQUESTS = 12


def cut(model: Path, directory: Path, stages: int) -> ChainManifest:
    whole = read_model(model)
    plan = Plan(balance(graph_of(whole), stages))
    make_chain(whole, plan, directory, open_runner=open_interpreter, runs=1)
    return load_manifest(directory)


def invented(manifest: ChainManifest, seed: int) -> Arrays:
    """Random inputs; ``seed`` makes each request unlike the others."""
    random = np.random.default_rng(seed)
    specs = [
        (port.name, manifest.edges[e].tensor)
        for port, e in zip(manifest.inputs, manifest.input_edges, strict=True)
    ]
    return {
        name: (random.random(spec.shape) * 255).astype(spec.dtype.numpy) for name, spec in specs
    }


def answers(model: Path, manifest: ChainManifest, asked: list[Arrays]) -> list[Arrays]:
    """What the whole model says."""
    with open_interpreter(model.read_bytes()) as whole:
        return [_named(manifest, whole.run([x[p.name] for p in manifest.inputs])) for x in asked]


def _named(manifest: ChainManifest, values: list[NDArray[Any]]) -> Arrays:
    return {port.name: value for port, value in zip(manifest.outputs, values, strict=True)}


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("split_concat.tflite", 2),
        ("movenet_single_pose_lightning_ptq.tflite", 5),
        ("detect.tflite", 3),
        ("keras_lstm_mnist_ptq.tflite", 2),
    ],
)
async def test_concurrent_requests_are_answered_like_the_whole(
    models: Path, tmp_path: Path, file: str, stages: int
) -> None:
    """Stages are dealt out to three nodes in turn, so tensors go back and forth."""
    manifest = cut(models / file, tmp_path / "chain", stages)
    asked = [invented(manifest, seed) for seed in range(REQUESTS)]
    expected = answers(models / file, manifest, asked)
    names = [stage.name for stage in manifest.stages]
    placement = {f"n{i}": tuple(names[i::3]) for i in range(min(3, len(names)))}
    async with nodes(tmp_path / "chain", placement, slots=4) as live, connected(live) as chain:
        results = await asyncio.gather(*(chain.infer(x, deadline=60) for x in asked))
    for found, wanted in zip(results, expected, strict=True):
        assert same_bits(_plain(found.outputs), wanted)


def _plain(outputs: Mapping[str, NDArray[Any]]) -> Arrays:
    return dict(outputs)


@pytest.mark.processes
@pytest.mark.parametrize("file", ["detect.tflite", "keras_lstm_mnist_ptq.tflite", "yamnet.tflite"])
async def test_a_real_model_passes_the_self_test(models: Path, tmp_path: Path, file: str) -> None:
    """On one node, and each stage on a node of its own, where it is given what no stage gave."""
    manifest = cut(models / file, tmp_path / "chain", 3)
    names = tuple(stage.name for stage in manifest.stages)
    for stages in (names, *((name,) for name in names)):
        supervisor = Supervisor(
            manifest,
            tmp_path / "chain",
            stages,
            slots=1,
            threads=1,
            interpreter="auto",
            clock=SystemClock(),
        )
        async with supervisor:
            await SelfTest(manifest, supervisor).run()
