"""What waits for a stage, in which order it runs, and what is dropped."""

from __future__ import annotations

import pytest

from edgechain.runtime.slots import Attempt
from edgechain.runtime.stage_queue import StageQueue, StageQueueStatistics
from edgechain.spec.deadline import Deadline
from tests.runtime.keys import hop, key

NOW, DEADLINE = 1.0, 9.0
LEFT, RIGHT = 4, 7


def attempt(sequence: int, deadline: float = DEADLINE) -> Attempt:
    return Attempt(key(sequence), (hop("here"),), sequence, Deadline(deadline), {"s"})


def queue_of(*attempts: Attempt) -> StageQueue:
    queue = StageQueue((LEFT,), 4)
    assert all(queue.deliver(a, LEFT) for a in attempts)
    return queue


def test_the_last_input_decides_the_order() -> None:
    queue, first, second = StageQueue((LEFT, RIGHT), 2), attempt(1), attempt(2)
    assert not queue.deliver(first, LEFT)
    assert not queue.deliver(second, RIGHT)
    assert queue.take(NOW) is None
    assert queue.deliver(second, LEFT)
    assert queue.deliver(first, RIGHT)
    assert [queue.take(NOW), queue.take(NOW), queue.take(NOW)] == [second, first, None]


def test_what_comes_twice_runs_once() -> None:
    queue, only = StageQueue((LEFT, RIGHT), 2), attempt(1)
    delivered = [queue.deliver(only, tensor) for tensor in (LEFT, LEFT, RIGHT)]
    assert delivered == [False, False, True]
    assert queue.take(NOW) is only
    assert queue.take(NOW) is None
    assert queue.statistics().duplicates == 1


def test_what_has_ended_or_is_late_has_no_turn() -> None:
    ended, late, live = attempt(1), attempt(2, deadline=NOW), attempt(3)
    queue = queue_of(ended, late, live)
    ended.ended = True
    assert queue.take(NOW) is live
    assert queue.take(NOW) is None


def test_nothing_is_kept_of_what_was_forgotten() -> None:
    ready, joining, absent = attempt(1), attempt(2), attempt(3)
    queue = StageQueue((LEFT, RIGHT), 2)
    for tensor in (LEFT, RIGHT):
        queue.deliver(ready, tensor)
    queue.deliver(joining, LEFT)
    for gone in (ready, joining, absent, ready):
        gone.ended = True
        queue.forget(gone)
    assert not queue.deliver(joining, RIGHT)
    assert queue.take(NOW) is None
    assert queue.statistics() == StageQueueStatistics(0, 0, capacity=2, most=1, duplicates=0)


def test_more_attempts_than_slots_are_our_mistake() -> None:
    queue = queue_of(*map(attempt, range(4)))
    with pytest.raises(OverflowError, match="4 attempts are ready"):
        queue.deliver(attempt(5), LEFT)


def test_a_tensor_nobody_here_wants_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        queue_of().deliver(attempt(1), RIGHT)
