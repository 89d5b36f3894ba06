"""A chain in memory: one stage that is a whole model, run in a thread by the real interpreter."""

from __future__ import annotations

import ast
import asyncio
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.client.tally import ChainStatistics
from edgechain.runtime.interpreter import Interpreter, open_interpreter
from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.tensor import DType, Quantization, TensorSpec

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the camera sees of a result."""

    outputs: Mapping[str, Array]
    latency: float
    generation: str = ""


NOTHING = ChainStatistics(0, 0, (), 0, 0, 0)


class WholeModel:
    """Answers as a chain would; calls are made one after the other."""

    def __init__(self, interpreter: Interpreter, manifest: ChainManifest):
        self.manifest, self._interpreter = manifest, interpreter
        self._one_call = threading.Lock()

    async def infer(self, inputs: Mapping[str, Array], *, newest: bool = False) -> Answer:
        began = time.monotonic()
        outputs = await asyncio.to_thread(self.run, inputs)
        return Answer(outputs, time.monotonic() - began)

    def statistics(self) -> ChainStatistics:
        return NOTHING

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with self._one_call:
            found = self._interpreter.run([inputs[port.name] for port in self.manifest.inputs])
        return {port.name: v for port, v in zip(self.manifest.outputs, found, strict=True)}


@contextmanager
def whole_model(path: Path) -> Iterator[WholeModel]:
    with open_interpreter(path.read_bytes()) as interpreter:
        yield WholeModel(interpreter, _manifest(interpreter, path))


def manifest_of(
    inputs: list[TensorSpec], outputs: list[TensorSpec], labels: tuple[str, ...] | None = None
) -> ChainManifest:
    """One stage; ports are called ``in0``, ``out0`` and so on, unlike the tensors."""
    taken, given = ([spec.name for spec in specs] for specs in (inputs, outputs))
    stage = Stage(name="all", inputs=tuple(taken), outputs=tuple(given), actor="a:B")
    edges = [Edge(tensor=spec, targets=("all",)) for spec in inputs]
    edges += [Edge(tensor=spec, source="all", to_client=True) for spec in outputs]
    return ChainManifest.sealed(
        name="whole",
        inputs=tuple(Port(tensor=name, name=f"in{i}") for i, name in enumerate(taken)),
        outputs=tuple(Port(tensor=name, name=f"out{i}") for i, name in enumerate(given)),
        stages=(stage,),
        edges=tuple(edges),
        labels=labels,
    )


def _manifest(interpreter: Interpreter, path: Path) -> ChainManifest:
    engine = interpreter._engine
    taken = engine.get_input_details()
    # Run once: SSD's outputs have no shape before.
    observed = interpreter.run([np.zeros(d["shape"], d["dtype"]) for d in taken])
    given = zip(engine.get_output_details(), observed, strict=True)
    return manifest_of(
        [_spec(detail, tuple(detail["shape"])) for detail in taken],
        [_spec(detail, value.shape) for detail, value in given],
        _attached_labels(path),
    )


def _spec(detail: dict[str, Any], shape: tuple[int, ...]) -> TensorSpec:
    found = detail["quantization_parameters"]
    quantization = None
    if len(found["scales"]):
        scales, zeros = map(float, found["scales"]), map(int, found["zero_points"])
        quantization = Quantization(scales=tuple(scales), zero_points=tuple(zeros))
    dtype = DType(np.dtype(detail["dtype"]).name)
    sizes = tuple(map(int, shape))
    return TensorSpec(name=detail["name"], dtype=dtype, shape=sizes, quantization=quantization)


def _attached_labels(path: Path) -> tuple[str, ...] | None:
    """Class names from the metadata that Ultralytics writes behind the model."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as attached:
        if "temp_meta.txt" not in attached.namelist():
            return None
        told = ast.literal_eval(attached.read("temp_meta.txt").decode())
    return tuple(told["names"].values())
