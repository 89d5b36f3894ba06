"""The only door to a TFLite interpreter: LiteRT where it is installed, else tflite-runtime.

The interpreter is called in a worker process (``runtime.worker``) when a chain runs, and
directly when a cut is proved.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from edgechain.errors import InvalidModel, MissingDependency
from edgechain.spec.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]


class InterpreterKind(StrEnum):
    """Which package runs the model."""

    AUTO = "auto"
    LITERT = "litert"
    TFLITE = "tflite"


_MODULES = {
    InterpreterKind.LITERT: "ai_edge_litert.interpreter",
    InterpreterKind.TFLITE: "tflite_runtime.interpreter",
}


def available_kinds() -> tuple[InterpreterKind, ...]:
    """The interpreters installed here, the preferred one first."""
    return tuple(kind for kind in _MODULES if _find(kind))


DETECTIONS = "TFLite_Detection_PostProcess"
"""Writes as many rows as it found and leaves the others as they were: another request's rows."""


class Interpreter:
    """One model, loaded and allocated.

    ``run`` takes and gives arrays by position, in the order of the subgraph's inputs and
    outputs. Variable tensors are reset before every call, and rows that an operator leaves
    unwritten are zero (``detections`` are the outputs of operators that do so, as tensor
    indices, the last one of each counts its rows): a stage is a pure function.
    """

    def __init__(
        self, engine: Any, kind: InterpreterKind, detections: Sequence[Sequence[int]] = ()
    ):
        self._engine = engine
        self.kind = kind
        self._detections = detections
        self._inputs = engine.get_input_details()
        self._outputs = [detail["index"] for detail in engine.get_output_details()]
        self._allocated = False

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Invoke once; the results are the caller's own. Raises ``InvalidModel`` on failure."""
        self.fill(inputs)
        return [view.copy() for view in self.invoke()]

    def fill(self, inputs: Sequence[Array]) -> None:
        """Copy the inputs in, after resizing what differs in shape."""
        if len(inputs) != len(self._inputs):
            raise InvalidModel(f"takes {len(self._inputs)} inputs, got {len(inputs)}")
        with _verdict("cannot allocate its tensors"):
            self._resize(inputs)
            for detail, value in zip(self._inputs, inputs, strict=True):
                self._engine.tensor(detail["index"])()[...] = value

    def invoke(self) -> list[Array]:
        """Run on what was filled in; the views returned die at the next call of anything."""
        with _verdict("failed while running"):
            self._engine.reset_all_variables()
            self._clear_detections()
            self._engine.invoke()
            self._clear_unwritten()
            return [self._engine.tensor(index)() for index in self._outputs]

    def _clear_detections(self) -> None:
        """What follows such an operator in the model must not see the last call's rows."""
        for index in (index for outputs in self._detections for index in outputs):
            self._engine.tensor(index)()[...] = 0

    def _clear_unwritten(self) -> None:
        """Rows behind the count may hold whatever shared their memory in this call."""
        for *tensors, counter in self._detections:
            count = float(self._engine.tensor(counter)().flat[0])
            for index in tensors:
                rows = self._engine.tensor(index)()
                rows[:, int(count) if 0 <= count < rows.shape[1] else rows.shape[1] :] = 0

    def _resize(self, inputs: Sequence[Array]) -> None:
        for detail, value in zip(self._inputs, inputs, strict=True):
            if value.dtype != detail["dtype"]:
                raise InvalidModel(f"input {detail['name']!r} is {value.dtype}, not fit for it")
            if tuple(detail["shape"]) != value.shape:
                self._engine.resize_tensor_input(detail["index"], value.shape)
                self._allocated = False
        if not self._allocated:
            self._allocate()

    def allocate(self) -> None:
        """Have every operator prepared, once, without running. Raises ``InvalidModel``."""
        with _verdict("cannot allocate its tensors"):
            self._allocate()

    def _allocate(self) -> None:
        # Before allocating: if that fails, the next call must know what to resize back.
        self._inputs = self._engine.get_input_details()
        with _quiet_stderr():
            self._engine.allocate_tensors()
        self._inputs = self._engine.get_input_details()
        self._allocated = True

    def operators(self) -> list[str]:
        """The operators' kinds; one that stands for those a delegate has taken is DELEGATE."""
        return [str(op["op_name"]) for op in self._engine._get_ops_details()]  # noqa: SLF001

    def close(self) -> None:
        """Free the model; the object is unusable afterwards."""
        self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_interpreter(
    model: bytes, *, threads: int = 1, kind: InterpreterKind = InterpreterKind.AUTO
) -> Interpreter:
    """Load a model. Raises ``InvalidModel`` when the interpreter refuses it."""
    chosen = chosen_kind(kind)
    module = importlib.import_module(_MODULES[chosen])
    with _verdict("cannot be loaded"), _quiet_stderr():
        engine = module.Interpreter(model_content=model, num_threads=threads)
        return Interpreter(engine, chosen, _detections(engine, model))


def _detections(engine: Any, model: bytes) -> list[list[int]]:
    if DETECTIONS.encode() not in model:
        return []
    found = [op["outputs"] for op in engine._get_ops_details() if op["op_name"] == DETECTIONS]  # noqa: SLF001
    return [list(map(int, outputs)) for outputs in found]


def preload(kind: InterpreterKind) -> None:
    """Import what ``open_interpreter`` will want, if it is installed; it starts no thread."""
    with suppress(MissingDependency):
        importlib.import_module(_MODULES[chosen_kind(kind)])


def chosen_kind(kind: InterpreterKind) -> InterpreterKind:
    """The interpreter that ``kind`` means here. Raises ``MissingDependency``."""
    wanted = tuple(_MODULES) if kind is InterpreterKind.AUTO else (kind,)
    for candidate in wanted:
        if _find(candidate):
            return candidate
    names = " or ".join("ai-edge-litert" if k == "litert" else "tflite-runtime" for k in wanted)
    raise MissingDependency(f"no TFLite interpreter is installed here; install {names}")


def _find(kind: InterpreterKind) -> bool:
    package = _MODULES[kind].partition(".")[0]
    return importlib.util.find_spec(package) is not None


@contextmanager
def _verdict(what: str) -> Iterator[None]:
    """Turn whatever the interpreter raises into one line."""
    try:
        yield
    except (ValueError, RuntimeError, TypeError, IndexError) as error:
        raise InvalidModel(f"the model {what}: {one_line(error)}") from error


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Silence what the C++ side prints while a model loads (delegate announcements)."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
