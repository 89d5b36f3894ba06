from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.model.graph import constant_operators, graph_of, written_counts
from edgechain.model.source import read_model
from tests.model import special
from tests.model.made import diamond


def test_constants_are_no_part_of_the_graph() -> None:
    graph = graph_of(diamond().model())
    assert [graph.tensors[t].name for t in graph.tensors] == ["input", "a", "b", "c", "d", "e"]
    assert [len(op.inputs) for op in graph.operators] == [1, 1, 1, 2, 2]
    assert graph.operators[1].parameters == 4
    assert graph.operators[1].weight_bytes == 16
    assert graph.predecessors(4) == (3, 0)


def test_operators_on_constants_only_count_as_constants() -> None:
    model = special.half_weights().model()
    assert constant_operators(model.tree) == {0, 1}
    graph = graph_of(model)
    assert (graph.operators[0].inputs, graph.operators[0].outputs) == ((), ())


def test_state_binds_its_operators() -> None:
    assert graph_of(special.with_state().model()).bound == ()
    ((members, reason),) = graph_of(special.shared_state().model()).bound
    assert members == {1, 3}
    assert reason == "it shares the variable tensor 'state'"
    ((members, reason),) = graph_of(special.resources().model()).bound
    assert members == {1, 2, 3}


def test_tensors_that_cannot_cross_say_why() -> None:
    graph = graph_of(special.resources().model())
    reasons = {t.name: t.crosses for t in graph.tensors.values() if t.crosses}
    assert reasons == {"handle": "has type RESOURCE, which cannot cross a cut"}


def test_an_open_dimension_is_open_and_an_unstated_shape_has_no_bytes() -> None:
    graph = graph_of(special.open_batch().model())
    assert {(t.shape, t.nbytes) for t in graph.tensors.values()} == {((-1, 4), 16)}
    graph = graph_of(special.detection().model())
    assert {t.nbytes for t in graph.tensors.values() if t.name.startswith("found")} == {0}


def test_rows_that_may_be_unwritten_are_known() -> None:
    graph = graph_of(special.detection(0.5).model())
    assert len(written_counts(graph)) == 3
    assert set(written_counts(graph).values()) == {graph.outputs[3]}


@pytest.mark.models
@pytest.mark.parametrize(
    ("name", "millions"),
    [("mobilenet_v2_1.0_224_quant", 300.8), ("yolov8n_int8", 4372.0), ("yamnet", 71.2)],
)
def test_arithmetic_is_what_the_papers_say(models: Path, name: str, millions: float) -> None:
    """MobileNetV2 (Sandler 2018) 300 M; YOLOv8n 8.7 GFLOPs; YAMNet 69 M without its spectrum."""
    graph = graph_of(read_model(models / f"{name}.tflite"))
    assert sum(op.macs for op in graph.operators) / 1e6 == pytest.approx(millions, abs=0.1)
