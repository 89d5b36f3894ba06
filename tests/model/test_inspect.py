from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.model.graph import graph_of
from edgechain.model.inspect import cuts_of, inspect
from edgechain.model.source import read_model
from edgechain.plan.balance import crossing_bytes
from tests.model import special
from tests.model.made import diamond


def test_every_cut_with_what_crosses_it() -> None:
    cuts = cuts_of(graph_of(diamond().model()))
    assert [(cut.after, cut.tensors, cut.bytes) for cut in cuts] == [
        (0, ("a",), 16),
        (1, ("a", "b"), 32),
        (2, ("a", "b", "c"), 48),
        (3, ("a", "d"), 32),
    ]


def test_places_that_cannot_be_cut_are_left_out() -> None:
    assert [cut.after for cut in cuts_of(graph_of(special.shared_state().model()))] == [0, 3]
    assert [cut.after for cut in cuts_of(graph_of(special.resources().model()))] == [0, 3, 4]


def test_what_must_stay_together_is_said() -> None:
    report = inspect(special.resources().model())
    assert report.stays[0].startswith("operators 1, 2, 3: it shares the model's resource")
    assert "its output 'handle' has type RESOURCE" in report.stays[1]
    assert report.subgraphs[1] == "1 init: 2 operators, 2 tensors"


def test_a_shared_buffer_counts_once() -> None:
    assert inspect(special.shared_weights().model()).parameters == 4


@pytest.mark.models
def test_real_models_in_numbers(models: Path) -> None:
    report = inspect(read_model(models / "mobilenet_v2_1.0_224_quant.tflite"))
    assert (report.operators, report.macs, report.labels) == (66, 300_775_552, 1001)
    assert report.quantization == "uint8 activations and weights"
    assert report.parameters == pytest.approx(3.5e6, rel=0.01)
    assert (
        inspect(read_model(models / "deeplabv3_257_mv_gpu.tflite")).quantization == "none (float)"
    )
    dynamic = inspect(read_model(models / "yolov8n_int8.tflite")).quantization
    assert dynamic == "int8 weights, float activations (dynamic range)"
    model = read_model(models / "yolov8n_int8.tflite")
    graph = graph_of(model)
    by_place = {cut.after: cut.bytes for cut in cuts_of(graph)}
    assert all(crossing_bytes(graph)[after] == size for after, size in by_place.items())
