"""Damaged models never raise anything but our own errors, and never take long.

Only the pure-Python path is tried: an interpreter in this process could crash on them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from edgechain.errors import EdgechainError
from edgechain.model.graph import graph_of
from edgechain.model.inspect import inspect
from edgechain.model.samples import random_samples
from edgechain.model.source import parse_model
from edgechain.model.split import split
from edgechain.plan.balance import balance
from edgechain.plan.branches import parallel_branches
from tests.model import special
from tests.model.made import Made, diamond

SEEDS = 120
BUILT = (diamond, special.control_flow, special.with_state, special.half_weights, special.detection)


def damaged(content: bytes, seed: int) -> bytes:
    """Cut short, a few bytes anywhere, or many among the tables at both ends."""
    dice = random.Random(seed)
    if seed % 3 == 0:
        return content[: dice.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(dice.randrange(1, 20)):
        spread = len(content) if seed % 3 == 1 else min(len(content), 40_000)
        place = dice.randrange(spread)
        place = place if dice.random() < 0.5 else len(content) - 1 - place
        changed[place] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    return bytes(changed)


def go_through(content: bytes) -> bool:
    """Whether the model went all the way to submodels."""
    try:
        model = parse_model(content)
        inspect(model)
        graph = graph_of(model)
        parallel_branches(graph)
        partition = balance(graph, 2)
        split(model, partition)
    except EdgechainError as error:
        return "\n" in str(error) and pytest.fail(f"more than one line: {error}")
    return True


@pytest.mark.parametrize("build", BUILT)
def test_damaged_small_models(build: Callable[[], Made]) -> None:
    content = build().content()
    for seed in range(SEEDS):
        print(f"seed {seed}")
        go_through(damaged(content, seed))


@pytest.mark.models
@pytest.mark.parametrize("name", ["keras_lstm_mnist_ptq", "detect", "split_concat"])
def test_damaged_real_models(models: Path, name: str) -> None:
    content = (models / f"{name}.tflite").read_bytes()
    went = 0
    for seed in range(SEEDS):
        print(f"seed {seed}")
        went += go_through(damaged(content, seed))
    assert 0 < went < SEEDS


def test_samples_of_a_model_with_absurd_shapes_are_not_made() -> None:
    made: Made = diamond()
    made.graphs[0].tensors[0].shape = [1 << 30, 1 << 30]
    with pytest.raises(EdgechainError, match="larger than"):
        random_samples(made.model(), count=1, seed=0)
