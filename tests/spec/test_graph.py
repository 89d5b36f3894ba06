"""Operators, and which tensors a cut or a group of them needs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgechain.spec.graph import Operator, OpGraph
from tests.spec.graphs import DIAMOND, FIRST_INPUT, dags, graph, grouped


def test_an_operator_is_named_by_index_and_kind() -> None:
    assert str(Operator(3, "CONV_2D", (), ())) == "operator 3 (CONV_2D)"


def test_producers_and_consumers() -> None:
    assert DIAMOND.producer == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
    assert DIAMOND.consumers == {
        FIRST_INPUT: (0,),
        0: (1, 2, 5),
        1: (3,),
        2: (4,),
        3: (4,),
        4: (5,),
    }
    assert DIAMOND.predecessors(0) == ()
    assert DIAMOND.predecessors(5) == (4, 0)


def test_an_operator_that_reads_a_tensor_twice_is_one_consumer() -> None:
    assert graph([FIRST_INPUT], [0, 0]).consumers[0] == (1,)


def test_what_crosses_each_cut() -> None:
    crossing = [DIAMOND.crossing(after) for after in range(6)]
    assert crossing == [(0,), (0, 1), (0, 1, 2), (0, 2, 3), (0, 4), ()]


def test_a_model_input_that_is_wanted_late_does_not_cross() -> None:
    assert graph([FIRST_INPUT], [0, FIRST_INPUT]).crossing(0) == (0,)


def test_what_a_group_needs_and_gives() -> None:
    assert DIAMOND.inputs_of((1, 3)) == (0,)
    assert DIAMOND.outputs_of((1, 3)) == (3,)
    assert DIAMOND.inputs_of((4, 5)) == (2, 3, 0)
    assert DIAMOND.outputs_of((4, 5)) == (5,)
    assert DIAMOND.outputs_of(range(6)) == (5,)
    assert DIAMOND.inputs_of(range(6)) == (FIRST_INPUT,)


def test_an_output_that_is_used_inside_too_still_leaves() -> None:
    both = graph([FIRST_INPUT], [0], outputs=(0, 1))
    assert both.outputs_of((0, 1)) == (0, 1)
    assert both.crossing(0) == (0,)


@given(dags(), st.data())
def test_crossing_is_what_the_tail_needs_from_the_head(cut: OpGraph, data: st.DataObject) -> None:
    after = data.draw(st.integers(0, len(cut.operators) - 1))
    head, tail = range(after + 1), range(after + 1, len(cut.operators))
    needed = {tensor for tensor in cut.inputs_of(tail) if tensor in cut.producer}
    assert set(cut.crossing(after)) == needed
    assert needed <= set(cut.outputs_of(head))


@given(grouped())
def test_every_tensor_a_group_needs_is_fed_or_given_by_another(
    case: tuple[OpGraph, tuple[tuple[int, ...], ...]],
) -> None:
    cut, groups = case
    given_ = [tensor for group in groups for tensor in cut.outputs_of(group)]
    assert len(given_) == len(set(given_))
    for group in groups:
        needed = cut.inputs_of(group)
        assert len(needed) == len(set(needed))
        assert set(needed) <= set(given_) | set(cut.inputs)
        assert not set(needed) & set(cut.outputs_of(group))
    assert set(cut.outputs) <= set(given_)
