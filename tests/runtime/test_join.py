"""A join is complete exactly once per attempt, in whatever order its tensors come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.runtime.join import Join, JoinStatistics
from tests.runtime.keys import key

arrivals = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=40)


@given(arrivals)
def test_complete_exactly_when_the_last_missing_tensor_comes(coming: list[tuple[int, int]]) -> None:
    join = Join(range(3), capacity=4)
    missing = {number: {0, 1, 2} for number in range(4)}
    duplicates = 0
    for number, tensor in coming:
        duplicates += tensor not in missing[number]
        missing[number].discard(tensor)
        assert join.add(key(number), tensor) is (not missing[number])
        if not missing[number]:
            missing[number] = {0, 1, 2}
    waiting = sum(0 < len(left) < 3 for left in missing.values())
    assert join.statistics() == JoinStatistics(waiting, 4, duplicates)


def test_one_input_is_complete_at_once() -> None:
    assert Join([7], capacity=1).add(key(0), 7)


def test_attempts_of_one_request_do_not_mix() -> None:
    join = Join([1, 2], capacity=2)
    assert not join.add(key(0, attempt=1), 1)
    assert not join.add(key(0, attempt=2), 2)
    assert join.add(key(0, attempt=2), 1)


def test_more_attempts_than_slots_is_a_mistake_of_ours() -> None:
    join = Join([1, 2], capacity=1)
    join.add(key(0), 1)
    with pytest.raises(OverflowError):
        join.add(key(1), 1)
    join.discard(key(0))
    join.discard(key(0))
    assert not join.add(key(1), 1)


def test_an_unknown_tensor_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Join([1], capacity=1).add(key(0), 2)
