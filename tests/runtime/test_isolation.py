"""The proof's interpreter in a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.errors import InvalidModel
from edgechain.runtime.interpreter import InterpreterKind, available_kinds, open_interpreter
from edgechain.runtime.isolation import (
    LEAST_RUNS,
    MOST_RUNS,
    IsolatedInterpreter,
    pack_arrays,
    unpack_arrays,
)

pytestmark = pytest.mark.processes


@pytest.fixture(params=available_kinds())
def isolated(request: pytest.FixtureRequest) -> Iterator[IsolatedInterpreter]:
    with IsolatedInterpreter(InterpreterKind(request.param)) as interpreter:
        yield interpreter


@pytest.mark.models
def test_it_gives_what_the_interpreter_gives(isolated: IsolatedInterpreter, models: Path) -> None:
    content = (models / "detect.tflite").read_bytes()
    picture = np.random.default_rng(1).integers(0, 256, (1, 300, 300, 3)).astype(np.uint8)
    kind = InterpreterKind(isolated._arguments[0])
    with open_interpreter(content, kind=kind) as interpreter:
        expected = interpreter.run([picture])
    found = isolated.open(content).run([picture])
    count = int(expected[3][0])
    assert [value.shape for value in found] == [value.shape for value in expected]
    for ours, theirs in zip(found[:3], expected[:3], strict=True):
        assert ours[:, :count].tobytes() == theirs[:, :count].tobytes()


@pytest.mark.models
def test_a_refused_model_is_one_line_and_the_next_one_runs(
    isolated: IsolatedInterpreter, models: Path
) -> None:
    with pytest.raises(InvalidModel, match=r"^the model cannot be loaded"):
        isolated.open(b"not a model at all, not even nearly")
    isolated.open((models / "split_concat.tflite").read_bytes())


@pytest.mark.models
def test_a_child_that_dies_is_the_models_fault(models: Path) -> None:
    content = (models / "detect.tflite").read_bytes()
    with IsolatedInterpreter() as interpreter:
        model = interpreter.open(content)
        assert interpreter._child is not None
        os.kill(interpreter._child.pid, signal.SIGSEGV)
        with pytest.raises(InvalidModel, match=r"the interpreter was killed by signal 11 over it"):
            model.run([np.zeros((1, 300, 300, 3), np.uint8)])
        interpreter.open(content)


def test_arrays_survive_the_pipe() -> None:
    arrays: list[NDArray[Any]] = [
        np.arange(6).reshape(2, 3),
        np.array(1.5, np.float32),
        np.zeros((0, 4), np.int8),
    ]
    for ours, theirs in zip(unpack_arrays(pack_arrays(arrays)), arrays, strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)


@pytest.mark.models
def test_runs_are_timed_on_the_clock_and_of_the_processor(
    isolated: IsolatedInterpreter, models: Path
) -> None:
    model = isolated.open((models / "split_concat.tflite").read_bytes())
    inputs = [np.ones((1, 8, 8, depth), np.uint8) for depth in (3, 1, 2)]
    timing = model.time(inputs, seconds=0.05)
    assert len(timing.runs) >= LEAST_RUNS
    assert sum(timing.runs) >= 0.05 or len(timing.runs) == MOST_RUNS
    assert 0 < timing.processor <= 4 * timing.mean
    for ours, theirs in zip(timing.outputs, model.run(inputs), strict=True):
        assert ours.tobytes() == theirs.tobytes()
