"""Chains of Python actors whose every answer is known, written to disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.document import render
from edgechain.spec.tensor import DType, TensorSpec

Array = NDArray[Any]

SOURCE = Path(__file__).with_name("stage_actors.py")
WIDTH = 4
"""Elements of an ordinary tensor of these chains."""


def actor(name: str, kind: str, takes: str, gives: str, **options: bool | float | str) -> Stage:
    """A stage that runs a class of ``stage_actors``; tensor names are separated by spaces."""
    return Stage(
        name=name,
        inputs=tuple(takes.split()),
        outputs=tuple(gives.split()),
        actor=f"{SOURCE.stem}:{kind}",
        file=SOURCE.name,
        sha256=hashlib.sha256(SOURCE.read_bytes()).hexdigest(),
        options=options,
    )


def numbers(name: str, width: int = WIDTH) -> TensorSpec:
    """A row of whole numbers."""
    return TensorSpec(name=name, dtype=DType.INT64, shape=(width,))


def connected(
    name: str,
    *stages: Stage,
    specs: Mapping[str, TensorSpec] | None = None,
    also: str = "",
    packed: str = "",
) -> ChainManifest:
    """A sealed manifest: what nobody makes the client gives, what nobody takes it gets.

    ``specs`` are tensors that are not plain ``numbers``, ``also`` those the client gets although
    a stage takes them, ``packed`` those that cross packed.
    """
    made = {tensor: stage.name for stage in stages for tensor in stage.outputs}
    taken = [tensor for stage in stages for tensor in stage.inputs]
    tensors = list(dict.fromkeys([*taken, *made]))
    left = [t for t in tensors if t not in taken or t in also.split()]
    edges = tuple(
        Edge(
            tensor=(specs or {}).get(tensor) or numbers(tensor),
            source=made.get(tensor),
            targets=tuple(stage.name for stage in stages if tensor in stage.inputs),
            to_client=tensor in left,
            codec="zstd" if tensor in packed.split() else None,
        )
        for tensor in tensors
    )
    return ChainManifest.sealed(
        name=name,
        inputs=tuple(Port(tensor=t, name=t) for t in tensors if t not in made),
        outputs=tuple(Port(tensor=t, name=t) for t in left),
        stages=stages,
        edges=edges,
    )


def write(directory: Path, manifest: ChainManifest) -> Path:
    """A chain directory, as ``split`` would leave it."""
    directory.mkdir(exist_ok=True)
    (directory / "chain.yaml").write_text(render(manifest))
    (directory / SOURCE.name).write_bytes(SOURCE.read_bytes())
    return directory


def two_stages(
    folder: Path, times: int, names: tuple[str, str] = ("one", "two"), **second: bool | float | str
) -> Path:
    """A chain ``swapped`` that multiplies by ``times``; its ``second`` stage does what is said."""
    first, last = names
    stages = (
        actor(first, "Affine", "x", "a", factor=times),
        actor(last, "Affine", "a", "y", **second),
    )
    return write(folder, connected("swapped", *stages))


def five_stages(name: str = "five") -> ChainManifest:
    """A fork, a join, and a tensor that skips stages; ``five_answer`` is what it computes."""
    return connected(
        name,
        actor("head", "Fork", "x", "a b"),
        actor("left", "Affine", "a", "c", factor=5, offset=1),
        actor("right", "Product", "b x", "d"),
        actor("meet", "Affine", "c d", "e", factor=-1),
        actor("tail", "Affine", "e a", "y", offset=11),
    )


def five_answer(x: Array) -> Array:
    """What ``five_stages`` answers, computed here."""
    a, b = x * 3, x + 7
    answer: Array = -((a * 5 + 1) + b * x) + a + 11
    return answer


def question(number: int, width: int = WIDTH) -> Array:
    """An input unlike that of any other number."""
    found: Array = np.arange(width, dtype=np.int64) * 1_000_003 + number
    return found
