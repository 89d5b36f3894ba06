"""Small manifests, written down and invented."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from edgechain.spec.chain import ChainManifest, Edge, ModelSource, Port, Stage
from edgechain.spec.tensor import DType, Quantization, TensorSpec

SHA = "0" * 64


def tensor(name: str) -> TensorSpec:
    return TensorSpec(name=name, dtype=DType.UINT8, shape=(1, 4))


def stage(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...], **more: Any) -> Stage:
    fields: dict[str, Any] = {"file": f"{name}.tflite", "sha256": SHA}
    return Stage(name=name, inputs=inputs, outputs=outputs, **(fields | more))


def edge(name: str, source: str | None, *targets: str, to_client: bool = False) -> Edge:
    return Edge(tensor=tensor(name), source=source, targets=targets, to_client=to_client)


def diamond() -> dict[str, Any]:
    """head forks to left and right, tail joins them and also wants the input."""
    return {
        "name": "diamond",
        "inputs": (Port(tensor="photo", name="images"),),
        "outputs": (Port(tensor="boxes", name="output_0"), Port(tensor="b", name="output_1")),
        "stages": (
            stage("head", ("photo",), ("a", "b")),
            stage("left", ("a",), ("c",)),
            stage("right", ("b",), ("d",)),
            stage("tail", ("c", "d", "photo"), ("boxes",)),
        ),
        "edges": (
            edge("photo", None, "head", "tail"),
            edge("a", "head", "left"),
            edge("b", "head", "right", to_client=True),
            edge("c", "left", "tail"),
            edge("d", "right", "tail"),
            edge("boxes", "tail", to_client=True),
        ),
    }


texts = st.text(min_size=1, max_size=20)
floats = st.floats(allow_nan=False, allow_infinity=False, width=32)
options = st.dictionaries(texts, st.booleans() | st.integers(-(2**40), 2**40) | floats | texts)


@st.composite
def tensors(draw: st.DrawFn, name: str) -> TensorSpec:
    shape = tuple(draw(st.lists(st.integers(-1, 9), max_size=4)))
    count = draw(st.integers(1, 40))
    numbers = st.lists(floats, min_size=count, max_size=count)
    points = st.lists(st.integers(-128, 255), min_size=count, max_size=count)
    quantization = st.builds(Quantization, scales=numbers, zero_points=points)
    return TensorSpec(
        name=name,
        dtype=draw(st.sampled_from(DType)),
        shape=shape,
        quantization=draw(st.none() | quantization),
        bound_bytes=draw(st.integers(1, 1 << 20)) if -1 in shape else None,
    )


@st.composite
def manifests(draw: st.DrawFn) -> ChainManifest:
    """A row of stages with tensor names, options and labels that people could come up with."""
    names = draw(st.lists(texts, min_size=2, max_size=5, unique=True))
    stages = tuple(
        stage(f"s{index}", (a,), (b,), actor="module:Class", options=draw(options))
        for index, (a, b) in enumerate(itertools.pairwise(names))
    )
    edges = tuple(
        Edge(
            tensor=draw(tensors(name)),
            source=f"s{index - 1}" if index else None,
            targets=(f"s{index}",) if index < len(stages) else (),
            to_client=index == len(stages),
            codec="zstd" if 0 < index < len(stages) and draw(st.booleans()) else None,
        )
        for index, name in enumerate(names)
    )
    return ChainManifest.sealed(
        name="invented",
        model=draw(st.none() | st.builds(ModelSource, file=texts, sha256=st.just(SHA))),
        inputs=(Port(tensor=names[0], name=draw(texts)),),
        outputs=(Port(tensor=names[-1], name=draw(texts)),),
        stages=stages,
        edges=edges,
        labels=draw(st.none() | st.lists(st.text(), max_size=4).map(tuple)),
    )
