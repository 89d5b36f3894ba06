"""Which operators go together, and every way in which they may not."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from edgechain.errors import CannotCut
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition, contiguous
from tests.spec.graphs import DIAMOND, FIRST_INPUT, dags, graph, grouped

Groups = tuple[tuple[int, ...], ...]


@pytest.mark.parametrize(
    "groups",
    [
        ((0, 1, 2, 3, 4, 5),),
        ((0, 1, 2), (3, 4, 5)),
        ((0,), (1, 3), (2,), (4, 5)),
        ((4, 5), (2,), (1, 3), (0,)),
        ((5, 0, 4, 3, 1, 2),),
    ],
)
def test_a_partition(groups: Groups) -> None:
    assert Partition(DIAMOND, groups).groups == groups


@pytest.mark.parametrize(
    ("groups", "operator", "reason"),
    [
        (((0, 1, 2), (3, 4)), "operator 5 (ADD)", "it is in no group"),
        (((0, 1, 2), (2, 3, 4, 5)), "operator 2 (ADD)", "it is in two groups"),
        (((0, 1, 2, 2), (3, 4, 5)), "operator 2 (ADD)", "it is in two groups"),
        (((0, 1, 2, 3, 4, 5), ()), "group 1", "it has no operators"),
        (((0, 1, 2, 3, 4, 5, 6),), "operator 6", "the model has no such operator"),
        (((-1, 0, 1, 2, 3, 4, 5),), "operator -1", "the model has no such operator"),
        ((), "operator 0 (ADD)", "it is in no group"),
    ],
)
def test_refused_by_name(groups: Groups, operator: str, reason: str) -> None:
    with pytest.raises(CannotCut) as caught:
        Partition(DIAMOND, groups)
    assert (caught.value.operator, caught.value.reason) == (operator, reason)


def test_a_group_that_a_path_leaves_and_enters_again_is_refused() -> None:
    with pytest.raises(CannotCut, match="the groups need each other in a circle: group") as caught:
        Partition(DIAMOND, ((0, 3), (1,), (2, 4, 5)))
    assert caught.value.operator in ("operator 0 (ADD)", "operator 1 (ADD)")


def test_state_stays_in_one_piece() -> None:
    model = graph([FIRST_INPUT], [0], [1], bound=((frozenset({0, 2}), "they share a variable"),))
    Partition(model, ((0, 1, 2),))
    with pytest.raises(CannotCut, match=r"cannot cut at operator 0 \(ADD\): they share a variable"):
        Partition(model, ((0, 1), (2,)))


def test_a_tensor_that_cannot_cross_stays_inside() -> None:
    model = graph([FIRST_INPUT], [0], [1], crosses={0: "is a string"})
    Partition(model, ((0, 1), (2,)))
    with pytest.raises(CannotCut, match=r"operator 0 \(ADD\): its output 't0' is a string"):
        Partition(model, ((0,), (1, 2)))


def test_an_output_of_the_model_that_cannot_cross_is_no_cut() -> None:
    model = graph([FIRST_INPUT], [FIRST_INPUT], crosses={0: "is a string"})
    assert len(Partition(model, ((0,), (1,))).groups) == 2


@pytest.mark.parametrize(
    ("ends", "groups"),
    [
        ((), ((0, 1, 2, 3, 4, 5),)),
        ((0,), ((0,), (1, 2, 3, 4, 5))),
        ((1, 4), ((0, 1), (2, 3, 4), (5,))),
    ],
)
def test_contiguous(ends: tuple[int, ...], groups: Groups) -> None:
    assert contiguous(DIAMOND, ends).groups == groups


@pytest.mark.parametrize("ends", [(5,), (9,), (-1,), (2, 2), (3, 1)])
def test_ends_outside_the_model_or_out_of_order_are_refused(ends: tuple[int, ...]) -> None:
    with pytest.raises(CannotCut):
        contiguous(DIAMOND, ends)


@given(dags(), st.data())
def test_every_contiguous_cut_is_a_partition(cut: OpGraph, data: st.DataObject) -> None:
    places = st.sets(st.integers(0, max(0, len(cut.operators) - 2)))
    ends = sorted(data.draw(places)) if len(cut.operators) > 1 else []
    made = contiguous(cut, ends)
    assert [op for group in made.groups for op in group] == list(range(len(cut.operators)))


@given(grouped())
def test_accepted_exactly_when_the_groups_can_be_put_in_order(case: tuple[OpGraph, Groups]) -> None:
    cut, groups = case
    expected = can_be_ordered(cut, groups)
    event("a partition" if expected else "a circle")
    if expected:
        made = Partition(cut, groups)
        assert all(is_convex(cut, set(group)) for group in made.groups)
    else:
        with pytest.raises(CannotCut, match="circle"):
            Partition(cut, groups)


def can_be_ordered(cut: OpGraph, groups: Groups) -> bool:
    """Take away groups that need nothing that is left, until none is left or none can go."""
    left = {number: set(group) for number, group in enumerate(groups)}
    while left:
        remaining = set().union(*left.values())
        free = [
            number
            for number, group in left.items()
            if not any(set(cut.predecessors(op)) & (remaining - group) for op in group)
        ]
        if not free:
            return False
        for number in free:
            del left[number]
    return True


def is_convex(cut: OpGraph, group: set[int]) -> bool:
    """No operator outside both comes after one of the group and before another."""
    behind: set[int] = set()
    for op in range(len(cut.operators)):
        before = cut.predecessors(op)
        if op in group:
            if any(p in behind for p in before):
                return False
        elif any(p in group or p in behind for p in before):
            behind.add(op)
    return True


@given(dags(), st.data())
def test_what_only_groups_hand_to_each_other(model: OpGraph, data: st.DataObject) -> None:
    last = len(model.operators) - 1
    ends = sorted(data.draw(st.sets(st.integers(0, last - 1)))) if last else []
    found = contiguous(model, ends).crossing
    over = {tensor for end in ends for tensor in model.crossing(end)}
    assert set(found) == over - set(model.outputs)
    assert list(found) == [tensor for tensor in model.producer if tensor in found]
