from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import CannotCut
from edgechain.plan.balance import balance, crossing_bytes, cut_places
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition, contiguous
from tests.spec.graphs import FIRST_INPUT, dags, graph

ROW = graph([FIRST_INPUT], [0], [1], [2], [3])


def slowest(partition: Partition, seconds: Sequence[float]) -> float:
    return max(sum(seconds[op] for op in group) for group in partition.groups)


def crossing(partition: Partition) -> int:
    return sum(crossing_bytes(partition.graph)[group[-1]] for group in partition.groups[:-1])


def test_the_slowest_stage_is_as_fast_as_can_be() -> None:
    partition = balance(ROW, 3, [1, 1, 1, 5, 1])
    assert slowest(partition, [1, 1, 1, 5, 1]) == 5
    assert balance(ROW, 1).groups == ((0, 1, 2, 3, 4),)
    assert balance(ROW, 5).groups == ((0,), (1,), (2,), (3,), (4,))


def test_among_equals_the_fewest_bytes_cross() -> None:
    wide = graph([FIRST_INPUT], [0], [0, 1], [2], [3])  # 0 lives on past 1
    assert crossing_bytes(wide) == (4, 8, 4, 4, 0)
    partition = balance(wide, 2, [4, 1, 1, 1, 1])
    assert partition.groups[0] == (0,)
    partition = balance(wide, 2, [1, 1, 1, 1, 9])
    assert crossing(partition) == 4


def test_shared_state_is_never_torn_apart() -> None:
    tied = graph([FIRST_INPUT], [0], [1], [2], bound=((frozenset({0, 2}), "they share v"),))
    assert cut_places(tied) == (2,)
    assert balance(tied, 2, [1, 9, 1, 1]).groups == ((0, 1, 2), (3,))
    with pytest.raises(CannotCut, match=r"operator 0 \(ADD\): the model can be cut into 2 parts"):
        balance(tied, 3)


def test_a_tensor_that_cannot_cross_keeps_its_operators_together() -> None:
    stuck = graph([FIRST_INPUT], [0], [1], [2], crosses={1: "has type STRING"})
    assert cut_places(stuck) == (0, 2)
    with pytest.raises(CannotCut, match=r"operator 1 \(ADD\)"):
        balance(stuck, 4)


def test_no_stage_is_left_without_an_input() -> None:
    sourced = graph([FIRST_INPUT], [], [1], [0, 2])
    for count in (2, 3):
        for group in balance(sourced, count).groups:
            assert sourced.inputs_of(group)
    with pytest.raises(CannotCut):
        balance(sourced, 4)


def test_a_stage_computes_something_that_is_wanted() -> None:
    dead_end = graph([FIRST_INPUT], [0], [0], [2], outputs=[3])
    for group in balance(dead_end, 3).groups:
        assert dead_end.outputs_of(group)
    with pytest.raises(CannotCut):
        balance(dead_end, 4)


def test_fewer_than_one_stage_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        balance(ROW, 0)


def allowed(cut: OpGraph, ends: Sequence[int]) -> Partition | None:
    try:
        partition = contiguous(cut, ends)
    except CannotCut:
        return None
    whole = all(cut.inputs_of(g) and cut.outputs_of(g) for g in partition.groups)
    return partition if whole else None


@pytest.mark.once
@given(dags(), st.integers(1, 5), st.data())
def test_never_worse_than_trying_everything(cut: OpGraph, stages: int, data: st.DataObject) -> None:
    count = len(cut.operators)
    seconds = data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    tried = (allowed(cut, ends) for ends in itertools.combinations(range(count - 1), stages - 1))
    found = [partition for partition in tried if partition is not None]
    if not found:
        with pytest.raises(CannotCut):
            balance(cut, stages, seconds)
        return
    best = min((slowest(p, seconds), crossing(p)) for p in found)
    chosen = balance(cut, stages, seconds)
    assert (slowest(chosen, seconds), crossing(chosen)) <= best
    assert len(chosen.groups) == stages


def test_a_large_model_is_quick() -> None:
    long = graph([FIRST_INPUT], *([index] for index in range(899)))
    partition = balance(long, 8, [1.0] * 900)
    assert slowest(partition, [1.0] * 900) == math.ceil(900 / 8)
