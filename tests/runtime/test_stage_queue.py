"""What waits for a stage, in which order it runs, and what is dropped."""

from __future__ import annotations

import pytest

from edgechain.runtime.slots import Attempt
from edgechain.runtime.stage_queue import StageQueue, StageQueueStatistics
from edgechain.spec.deadline import Deadline
from tests.runtime.keys import hop, key

NOW, DEADLINE = 1.0, 9.0
LEFT, RIGHT = 4, 7


def attempt(sequence: int, deadline: float = DEADLINE, of: int = 0) -> Attempt:
    return Attempt(key(sequence, of=of), (hop("here"),), sequence, Deadline(deadline), {"s"})


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


def test_who_asks_little_waits_for_nothing_that_another_has_piled_up() -> None:
    greedy, polite = [attempt(n) for n in range(3)], [attempt(n, of=1) for n in range(2)]
    queue = StageQueue((LEFT,), 5)
    for one in greedy:
        queue.deliver(one, LEFT)
    assert queue.take(NOW) is greedy[0]
    queue.deliver(polite[0], LEFT)
    assert queue.take(NOW) is polite[0], "it was not served before"
    assert queue.take(NOW) is greedy[1]
    queue.deliver(polite[1], LEFT)
    assert queue.take(NOW) is polite[1], "it was served longer ago"
    assert queue.take(NOW) is greedy[2]


def test_a_late_attempt_costs_its_session_no_turn() -> None:
    late, live, other = attempt(1, deadline=NOW), attempt(2), attempt(3, of=1)
    queue = queue_of(late, live, other)
    assert [queue.take(NOW), queue.take(NOW), queue.take(NOW)] == [live, other, None]


def test_sessions_that_were_served_are_remembered_within_bounds() -> None:
    queue = StageQueue((LEFT,), 2)
    for number in range(10):
        one = attempt(number, of=number)
        queue.deliver(one, LEFT)
        assert queue.take(NOW) is one
    assert len(queue._served) == 2


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
