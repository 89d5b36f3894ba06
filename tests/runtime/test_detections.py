"""Rows that TFLite_Detection_PostProcess leaves unwritten are zero, not another request's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgechain.runtime.interpreter import InterpreterKind, available_kinds, open_interpreter
from tests.model.special import detection
from tests.runtime.workers import Array

kinds = pytest.mark.parametrize("kind", available_kinds())


def scores(*classes: float) -> Array:
    """Six anchors; as many of them as given show something, class 0 being the background."""
    found = np.full((1, 6, 3), -9, np.float32)
    for anchor, score in enumerate(classes):
        found[0, anchor, 1 + anchor % 2] = score
    return found


@kinds
def test_a_few_findings_after_many_leave_nothing_of_these(kind: str) -> None:
    content = detection(threshold=0.5).content()
    boxes = np.random.default_rng(1).random((1, 6, 4), np.float32)
    with open_interpreter(content, kind=InterpreterKind(kind)) as interpreter:
        many = interpreter.run([boxes, scores(4, 4, 4, 4, 4, 4)])
        few = interpreter.run([boxes, scores(4)])
        none = interpreter.run([boxes, scores()])
    counts = [int(outputs[3][0]) for outputs in (many, few, none)]
    assert counts[0] > counts[1] == 1 > counts[2] == 0
    for outputs, count in zip((many, few, none), counts, strict=True):
        for rows in outputs[:3]:
            assert not rows[:, count:].any()
        assert outputs[2][:, :count].all()


@kinds
def test_the_same_question_has_the_same_answer_whatever_was_asked_before(kind: str) -> None:
    content = detection(threshold=0.5).content()
    boxes = np.random.default_rng(2).random((1, 6, 4), np.float32)
    with open_interpreter(content, kind=InterpreterKind(kind)) as interpreter:
        first = interpreter.run([boxes, scores(1)])
        interpreter.run([boxes + 1, scores(4, 4, 4, 4, 4)])
        again = interpreter.run([boxes, scores(1)])
    assert [value.tobytes() for value in first] == [value.tobytes() for value in again]


@pytest.mark.models
@kinds
def test_a_real_detector_does_not_remember(models: Path, kind: str) -> None:
    content = (models / "detect.tflite").read_bytes()
    noise = np.random.default_rng(3).integers(0, 256, (2, 1, 300, 300, 3)).astype(np.uint8)
    with open_interpreter(content, kind=InterpreterKind(kind)) as interpreter:
        first, _, again = (interpreter.run([noise[which]]) for which in (0, 1, 0))
    assert [value.tobytes() for value in first] == [value.tobytes() for value in again]
