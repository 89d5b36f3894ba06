"""A slot belongs to one attempt at a time and comes back exactly once."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgechain.runtime.slots import TOMBSTONES_PER_SLOT, Attempt, SlotTable, Tombstones, tenant_of
from edgechain.spec.deadline import Deadline
from tests.runtime.keys import hop, key

CAPACITY = 3
ROUTE = (hop("here"),)


class Slots(RuleBasedStateMachine):
    """Attempts open, work, end and are released in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.table = SlotTable(CAPACITY)
        self.live: dict[int, Attempt] = {}
        self.born = self.refused = 0

    @rule()
    def open(self) -> None:
        number, self.born = self.born, self.born + 1
        attempt = self.table.open(key(number), ROUTE, Deadline(float(number)), ["stage"])
        assert (attempt is None) is (len(self.live) == CAPACITY)
        if attempt is not None:
            self.live[number] = attempt
        else:
            self.refused += 1

    @rule(number=st.integers(0, 60), done=st.sampled_from(["runs", "ran", "sent", "sends", "ends"]))
    def work(self, number: int, done: str) -> None:
        attempt = self.live.get(number)
        if attempt is None:
            return
        if done == "runs" and attempt.to_run:
            attempt.running = set(attempt.to_run)
            attempt.to_run.clear()
        elif done == "ran":
            attempt.running.clear()
        elif done == "sends":
            attempt.sending += 1
        elif done == "sent" and attempt.sending:
            attempt.sending -= 1
        elif done == "ends":
            attempt.ended = True

    @rule(number=st.integers(0, 60))
    def release(self, number: int) -> None:
        attempt = self.live.get(number)
        if attempt is None:
            return
        busy = attempt.running or attempt.sending or (attempt.to_run and not attempt.ended)
        assert self.table.release(attempt) is not bool(busy)
        if not busy:
            assert not self.table.release(attempt), "once"
            assert self.table.is_over(attempt.key)
            del self.live[number]

    @invariant()
    def no_slot_is_given_twice(self) -> None:
        slots = [attempt.slot for attempt in self.live.values()]
        assert len(set(slots)) == len(slots)
        assert set(slots) <= set(range(CAPACITY))
        assert {id(a) for a in self.table} == {id(a) for a in self.live.values()}
        found = self.table.statistics()
        assert (found.in_use, found.refused) == (len(slots), self.refused)


TestSlots = Slots.TestCase
TestSlots.settings = settings(max_examples=100, deadline=None)


def test_expiry_names_each_attempt_that_is_late_and_not_ended() -> None:
    table = SlotTable(3)
    late, ended, early = (
        table.open(key(n), ROUTE, Deadline(at), ["s"]) for n, at in enumerate((1.0, 1.0, 2.0))
    )
    assert late
    assert ended
    assert early
    ended.ended = True
    assert table.expired(0.99) == []
    assert table.expired(1.0) == [late]
    assert table.statistics().expired == 1


def test_slots_of_one_client_session() -> None:
    table = SlotTable(3)
    keys = [key(0), key(0, session=2), key(0, of=1)]
    attempts = [table.open(k, ROUTE, Deadline(1), ["s"]) for k in keys]
    assert [table.held_by(tenant_of(one)) for one in keys] == [1, 1, 1]
    assert table.orphan(tenant_of(keys[1])) == [attempts[1]]
    assert ([table.held_by(tenant_of(one)) for one in keys], table.orphans) == ([1, 0, 1], 1)
    for attempt in attempts:
        assert attempt
        attempt.ended = True
        assert table.release(attempt)
    assert ([table.held_by(tenant_of(one)) for one in keys], table.orphans) == ([0, 0, 0], 0)


@pytest.mark.parametrize("capacity", [1, 2])
def test_tombstones_are_bounded_and_the_oldest_go(capacity: int) -> None:
    table = SlotTable(capacity)
    kept = capacity * TOMBSTONES_PER_SLOT
    for number in range(kept):
        table.bury(key(number))
    table.bury(key(0))  # seen again: it is the newest now
    table.bury(key(kept))
    over = [number for number in range(kept + 1) if table.is_over(key(number))]
    assert over == [0, *range(2, kept + 1)]


def test_what_one_session_buries_unearths_nothing_of_another() -> None:
    tombs = Tombstones(2)
    tombs.add(key(0, session=1))
    for number in range(10 * TOMBSTONES_PER_SLOT):
        tombs.add(key(number, session=2))
    assert key(0, session=1) in tombs
    assert len(tombs) == 1 + TOMBSTONES_PER_SLOT


def test_sessions_that_come_and_go_leave_no_more_than_a_bounded_number_of_tombstones() -> None:
    tombs = Tombstones(2)
    for session in range(50):
        for number in range(3 * TOMBSTONES_PER_SLOT):
            tombs.add(key(number, session=session))
    assert len(tombs) <= 3 * TOMBSTONES_PER_SLOT
    assert key(3 * TOMBSTONES_PER_SLOT - 1, session=48) in tombs
    assert key(3 * TOMBSTONES_PER_SLOT - 1, session=47) not in tombs
