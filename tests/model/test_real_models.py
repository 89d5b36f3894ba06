"""Every real model, cut in every way we promise: the parts equal the whole, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import NotEqual
from edgechain.model.graph import graph_of
from edgechain.model.proof import prove
from edgechain.model.source import read_model
from edgechain.model.split import split
from edgechain.model.verify import Part
from edgechain.plan.balance import balance, crossing_bytes
from edgechain.plan.branches import parallel_branches
from edgechain.runtime.interpreter import InterpreterKind, open_interpreter
from edgechain.spec.partition import contiguous
from tests.model.chains import parts, prove_cut, proved, tensor_names
from tests.model.real import ALL

pytestmark = [pytest.mark.models, pytest.mark.once]

BRANCHED = ("deeplabv3_257_mv_gpu", "detect", "movenet_single_pose_lightning_ptq", "yolov8n_int8")


def count_of(stages: int, name: str) -> int:
    """As many stages as asked, or as many as the smallest models have operators."""
    return min(stages, {"split_concat": 3, "keras_lstm_mnist_ptq": 6}.get(name, stages))


@pytest.mark.parametrize("stages", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("name", ALL)
def test_balanced_parts_equal_the_whole(models: Path, name: str, stages: int) -> None:
    model = read_model(models / f"{name}.tflite")
    manifest = proved(split(model, balance(graph_of(model), count_of(stages, name))))
    assert len(manifest.stages) == count_of(stages, name)


@pytest.mark.parametrize("stages", [2, 3, 5, 8])
@pytest.mark.parametrize("name", ALL)
def test_parts_of_as_many_operators_equal_the_whole(models: Path, name: str, stages: int) -> None:
    model = read_model(models / f"{name}.tflite")
    graph, count = graph_of(model), count_of(stages, name)
    ends = [len(graph.operators) * number // count - 1 for number in range(1, count)]
    proved(split(model, contiguous(graph, ends)))


@pytest.mark.tflite
@pytest.mark.parametrize("name", ALL)
def test_the_other_interpreter_agrees_with_itself(models: Path, name: str) -> None:
    model = read_model(models / f"{name}.tflite")
    made = split(model, balance(graph_of(model), count_of(5, name)))
    proved(made, InterpreterKind.TFLITE)


@pytest.mark.parametrize("name", BRANCHED)
def test_branches_side_by_side_equal_the_whole(models: Path, name: str) -> None:
    model = read_model(models / f"{name}.tflite")
    partition = parallel_branches(graph_of(model), least_share=0.0)
    assert partition is not None
    made = split(model, partition)
    manifest = proved(made)
    targets = [edge.targets for edge in manifest.edges]
    assert any(len(stages) > 1 for stages in targets) or len(made.submodels[0].outputs) > 1
    assert any(len(submodel.inputs) > 1 for submodel in made.submodels)


def test_every_operator_a_stage_of_its_own(models: Path) -> None:
    model = read_model(models / "detect.tflite")
    graph = graph_of(model)
    proved(split(model, contiguous(graph, range(len(graph.operators) - 1))))


def test_a_boundary_beyond_six_megabytes(models: Path) -> None:
    model = read_model(models / "yolov8n_int8.tflite")
    graph = graph_of(model)
    widest = max(range(len(graph.operators) - 1), key=crossing_bytes(graph).__getitem__)
    manifest = proved(split(model, contiguous(graph, [widest])))
    crossing = sum(edge.tensor.max_bytes for edge in manifest.edges if edge.source == "stage0")
    assert crossing > 6_000_000


def test_the_state_of_an_lstm_stays_with_it(models: Path) -> None:
    model = read_model(models / "keras_lstm_mnist_ptq.tflite")
    made = split(model, contiguous(graph_of(model), [0, 1]))
    main = parts(made)[1].main
    assert sum(tensor.isVariable for tensor in main.tensors) == 2
    assert len(main.operators[0].intermediates) == 5
    assert -1 in main.operators[0].inputs
    assert proved(made).inputs[0].name == "x"


def test_shapes_the_file_does_not_state_are_those_observed(models: Path) -> None:
    model = read_model(models / "detect.tflite")
    manifest = proved(split(model, balance(graph_of(model), 2)))
    shapes = [edge.tensor.shape for edge in manifest.edges if edge.to_client]
    assert shapes == [(1, 10, 4), (1, 10), (1, 10), (1,)]


def test_labels_and_metadata_stay_in_every_submodel(models: Path) -> None:
    for name, first, count in (("detect", "person", 90), ("yolov8n_int8", "person", 80)):
        model = read_model(models / f"{name}.tflite")
        made = split(model, balance(graph_of(model), 3))
        manifest = proved(made)
        assert manifest.labels is not None
        assert (manifest.labels[0], len(manifest.labels)) == (first, count)
        for part in parts(made):
            assert part.attached == model.attached
            assert [m.name for m in part.tree.metadata] == [m.name for m in model.tree.metadata]


def test_names_and_quantisation_survive(models: Path) -> None:
    model = read_model(models / "mobilenet_v2_1.0_224_quant.tflite")
    whole = {tensor.name: tensor for tensor in model.main.tensors}
    found: list[str] = []
    for part in parts(split(model, balance(graph_of(model), 3))):
        found += tensor_names(part)
        for tensor in part.main.tensors:
            before = whole[tensor.name].quantization
            assert (before is None) == (tensor.quantization is None)
            if before is not None and before.scale is not None:
                assert tensor.quantization.scale.tolist() == before.scale.tolist()
                assert tensor.quantization.zeroPoint.tolist() == before.zeroPoint.tolist()
    assert set(found) == set(tensor_names(model))


def test_parts_in_the_wrong_place_are_found_out(models: Path) -> None:
    """The control: the proof fails where it must."""
    model = read_model(models / "mobilenet_v2_1.0_224_quant.tflite")
    made = split(model, balance(graph_of(model), 3))
    names = made.names
    whole, (first, second, third) = model.content, made.submodels
    weights = bytearray(second.content)
    middle = len(weights) // 2
    weights[middle : middle + 64] = bytes(b ^ 0x55 for b in weights[middle : middle + 64])
    chain = [
        Part(str(n), content, tuple(names[i] for i in s.inputs), tuple(names[i] for i in s.outputs))
        for n, (s, content) in enumerate(
            ((first, first.content), (second, bytes(weights)), (third, third.content))
        )
    ]
    proof = prove(
        model,
        Part("whole", whole, chain[0].inputs, chain[2].outputs),
        chain,
        names,
        open_runner=open_interpreter,
        runs=2,
    )
    assert not proof.comparison.equal
    with pytest.raises(NotEqual, match="run 0, output 'MobilenetV2/Predictions/Softmax'"):
        proof.comparison.require_equal()


def test_the_same_cut_gives_the_same_bytes(models: Path) -> None:
    model = read_model(models / "detect.tflite")
    partition = balance(graph_of(model), 3)
    first, again = split(model, partition), split(model, partition)
    assert [s.content for s in first.submodels] == [s.content for s in again.submodels]


def test_proof_counts_its_runs(models: Path) -> None:
    model = read_model(models / "split_concat.tflite")
    made = split(model, balance(graph_of(model), 2))
    assert prove_cut(made, runs=3).comparison.runs == 3
