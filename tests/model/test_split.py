from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgechain.errors import CannotCut, InvalidModel
from edgechain.model.graph import graph_of
from edgechain.model.schema import constant_bytes
from edgechain.model.split import order_of_groups, split
from edgechain.runtime.interpreter import InterpreterKind
from edgechain.spec.partition import Partition
from tests.model import special
from tests.model.chains import cut, parts, prove_cut, proved, tensor_names
from tests.model.made import Made, diamond, floats, row

CASES = {
    "a row": (row, ([0], [1, 2], [3])),
    "a diamond with its branches apart": (diamond, ([0], [1], [2], [3, 4])),
    "shared buffers": (special.shared_weights, ([0], [1], [2])),
    "omitted optional inputs": (special.optional_input, ([0], [1])),
    "a variable tensor": (special.with_state, ([0], [1], [2])),
    "shared state in one group": (special.shared_state, ([0], [1, 2, 3], [4])),
    "several outputs": (special.several_outputs, ([0], [1], [2])),
    "a custom operator without shapes": (special.detection, ([0, 1], [2], [3])),
    "control flow": (special.control_flow, ([0], [1], [2])),
    "an open batch": (special.open_batch, ([0], [1])),
    "float16 weights": (special.half_weights, ([0, 1, 2], [3], [4])),
    "indexes into a table": (special.lookup, ([0], [1])),
    "resource variables": (special.resources, ([0], [1, 2, 3, 4], [5])),
    "tensors without names": (special.nameless, ([0], [1], [2])),
    "an input nobody reads": (special.unused_input, ([0], [1])),
    "shapes that depend on the data": (special.varying, ([0], [1], [2])),
}


@pytest.mark.parametrize("case", CASES)
def test_parts_equal_the_whole(case: str) -> None:
    build, groups = CASES[case]
    proved(cut(build().model(), *groups))


@pytest.mark.tflite
@pytest.mark.parametrize("case", CASES)
def test_parts_equal_the_whole_in_the_other_interpreter(case: str) -> None:
    build, groups = CASES[case]
    proved(cut(build().model(), *groups), InterpreterKind.TFLITE)


def test_stages_follow_those_they_need_whatever_the_order_of_groups() -> None:
    partition = Partition(graph_of(diamond().model()), ((3, 4), (2,), (0,), (1,)))
    assert order_of_groups(partition) == (2, 3, 1, 0)


def test_the_parts_of_a_diamond_know_who_feeds_whom() -> None:
    manifest = proved(cut(diamond().model(), [0], [1], [2], [3, 4]))
    ways = {edge.tensor.name: (edge.source, edge.targets) for edge in manifest.edges}
    assert ways == {
        "input": (None, ("stage0",)),
        "a": ("stage0", ("stage1", "stage2", "stage3")),
        "b": ("stage1", ("stage3",)),
        "c": ("stage2", ("stage3",)),
        "e": ("stage3", ()),
    }


def test_float16_weights_never_cross_and_are_copied_to_their_readers() -> None:
    made = cut(special.half_weights().model(), [0, 1, 2], [3], [4])
    assert [tensor_names(part) for part in parts(made)] == [
        ["input", "w0", "w0/float", "a"],
        ["w1", "w1/float", "a", "b"],
        ["w0", "w0/float", "b", "c"],
    ]
    assert [made.names[i] for i in made.submodels[1].inputs] == ["a"]


def test_a_shared_buffer_stays_shared_inside_a_part() -> None:
    part = parts(cut(special.shared_weights().model(), [0], [1, 2]))[1]
    weights = [t.buffer for t in part.main.tensors if constant_bytes(part.tree, t) is not None]
    assert len(weights) == 2
    assert len(set(weights)) == 1


def test_called_subgraphs_go_with_their_caller() -> None:
    made = cut(special.control_flow().model(), [0], [1], [2])
    assert [len(part.tree.subgraphs) for part in parts(made)] == [1, 5, 1]


def test_a_repeated_output_keeps_both_places() -> None:
    made = special.several_outputs()
    made.sign("serve", {"x": 0}, {"end": 5, "left": 3, "right": 4})
    manifest = proved(cut(made.model(), [0], [1], [2]))
    assert [(port.name, port.tensor) for port in manifest.outputs] == [
        ("end", "end"),
        ("left", "left"),
        ("right", "right"),
        ("end#3", "end"),
    ]


def test_an_output_consumed_inside_goes_both_ways() -> None:
    manifest = proved(cut(special.several_outputs().model(), [0], [1], [2]))
    left = next(edge for edge in manifest.edges if edge.tensor.name == "left")
    assert (left.source, left.targets, left.to_client) == ("stage1", ("stage2",), True)


def test_an_input_nobody_reads_goes_to_the_first_stage() -> None:
    manifest = proved(cut(special.unused_input().model(), [0], [1]))
    assert manifest.stages[0].inputs == ("input", "unused")


def test_an_open_batch_stays_open_and_is_bounded() -> None:
    made = cut(special.open_batch().model(), [0], [1])
    manifest = proved(made)
    assert {edge.tensor.shape for edge in manifest.edges} == {(-1, 4)}
    assert {edge.tensor.bound_bytes for edge in manifest.edges} == {8 * 4 * 4}
    assert [list(t.shapeSignature) for t in parts(made)[1].main.tensors if t.name == b"b"] == [
        [-1, 4]
    ]


def test_shapes_without_statement_are_observed_and_varying_ones_are_open() -> None:
    found = proved(cut(special.detection().model(), [0, 1], [2], [3]))
    shapes = {edge.tensor.name: edge.tensor.shape for edge in found.edges}
    assert shapes["found:0"] == (1, 3, 4)
    varying = proved(cut(special.varying().model(), [0], [1], [2]))
    shapes = {edge.tensor.name: edge.tensor.shape for edge in varying.edges}
    assert shapes["places"] == (-1, 2)


def test_rows_behind_the_count_of_detections_are_not_compared_and_that_is_said() -> None:
    proof = prove_cut(cut(special.detection(0.9).model(), [0, 1], [2]), runs=4)
    assert proof.comparison.equal
    assert proof.comparison.undefined > 0
    assert "does not write them" in proof.warnings[0]


def _output_is_input() -> Made:
    made = row(2)
    made.graphs[0].outputs.append(0)
    return made


def _output_is_constant() -> Made:
    made = row(2)
    made.graphs[0].outputs.append(2)
    return made


def _string_input() -> Made:
    made = row(2)
    main = made.graphs[0]
    out = main.tensor("text out", (1,), "string")
    main.operator("RESHAPE", [main.input("text", (1,), "string")], [out])
    main.outputs.append(out)
    return made


def _nobody_computes_it() -> Made:
    made = row(2)
    main = made.graphs[0]
    main.outputs.append(main.tensor("nowhere"))
    return made


@pytest.mark.parametrize(
    ("build", "groups", "said"),
    [
        (_output_is_input, ([0], [1]), "output 'input'.*one of the inputs as it is"),
        (_output_is_constant, ([0], [1]), "output tensor 2.*constant"),
        (_string_input, ([0], [1, 2]), "input 'text'.*type STRING"),
        (_nobody_computes_it, ([0], [1]), "no operator computes it|constant"),
        (
            special.shared_state,
            ([0, 1], [2, 3, 4]),
            r"operator 1 \(SVDF\).*variable tensor 'state'",
        ),
        (special.resources, ([0, 1], [2, 3, 4, 5]), r"operator 1 \(CALL_ONCE\).*resource"),
        (special.resources, ([0], [1, 2, 3], [4, 5]), r"operator 1 \(CALL_ONCE\).*takes no tensor"),
        (special.half_weights, ([0, 1], [2, 3, 4]), r"operator 0 \(DEQUANTIZE\).*takes no tensor"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(
    build: Callable[[], Made], groups: tuple[list[int], ...], said: str
) -> None:
    with pytest.raises(CannotCut, match=said):
        cut(build().model(), *groups)


def test_a_tensor_that_cannot_cross_is_refused_by_name() -> None:
    made = Made()
    main = made.graph()
    small = main.tensor("small", (1, 4), "int4")
    main.operator("QUANTIZE", [main.input("input")], [small])
    out = main.tensor("out")
    main.operator("DEQUANTIZE", [small], [out])
    main.outputs.append(out)
    with pytest.raises(
        CannotCut, match=r"operator 0 \(QUANTIZE\): its output 'small' has type INT4"
    ):
        cut(made.model(), [0], [1])


def test_a_group_that_nobody_uses_is_refused() -> None:
    made = row(2)
    main = made.graphs[0]
    main.relu("dead end", 0)
    with pytest.raises(CannotCut, match=r"operator 2 \(RELU\): nobody uses"):
        cut(made.model(), [0, 1], [2])


def test_an_unknown_custom_operator_is_named() -> None:
    made = row(2)
    main = made.graphs[0]
    out = main.tensor("mine")
    main.operator("MyOwnOperator", [3], [out])
    main.outputs = [out]
    with pytest.raises(InvalidModel, match=r"operator 2 \(MyOwnOperator\) is a custom operator"):
        prove_cut(cut(made.model(), [0], [1, 2]))


def test_a_part_has_the_signature_of_the_whole() -> None:
    made = row(3)
    made.sign("serving_default", {"x": 0}, {"y": 5})
    submodels = parts(cut(made.model(), [0], [1, 2]))
    assert [s.tree.signatureDefs[0].signatureKey for s in submodels] == [b"serving_default"] * 2
    assert submodels[0].tree.signatureDefs[0].outputs[0].name == b"t0"
    assert submodels[1].tree.signatureDefs[0].outputs[0].name == b"y"


def test_progress_is_told_from_nothing_to_all() -> None:
    told: list[tuple[str, int, int]] = []
    model = row(3).model()
    partition = Partition(graph_of(model), ((0,), (1,), (2,)))
    split(model, partition, lambda *step: told.append(step))
    assert told == [("cutting", done, 3) for done in range(4)]


def test_a_constant_row_is_what_it_says() -> None:
    assert floats(1, 2).dtype == np.float32
