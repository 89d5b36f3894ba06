"""Slots and leases as a node uses both, beside a model; clients whose words take their time.

The promise: whoever keeps to its lease finds a slot, whatever the others do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgechain.runtime.leases import LeaseBook
from edgechain.runtime.slots import Attempt, SlotTable, Tenant, tenant_of
from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import RequestKey
from tests.runtime.keys import client, hop, key

CAPACITY = 4
TENANTS: tuple[Tenant, ...] = tuple((client(number), 1) for number in range(CAPACITY + 2))
ROUTE = (hop("here"),)

WORK = ("runs", "runs", "ran", "sends", "sent", "fails")

Number = int
Word = RequestKey | Number


@dataclass
class Session:
    """One stream of a client session: what it holds, and words on their way in both directions.

    To the node go keys (an attempt begins) and numbers (a lease is kept); to the client keys (a
    slot is free) and pairs of slots and number (a lease).
    """

    wanted: int
    to_client: deque[RequestKey | tuple[int, int]] = field(default_factory=deque)
    to_node: deque[Word] = field(default_factory=deque)
    held: set[RequestKey] = field(default_factory=set)
    lease: int = 0
    number: int = 0
    confirmed: int = 0
    greedy: bool = False


class SlotsAndLeases(RuleBasedStateMachine):
    """Sessions come, ask, work and go in any order; the node does what its exchange does."""

    table_kind: ClassVar[type[SlotTable]] = SlotTable
    book_kind: ClassVar[type[LeaseBook]] = LeaseBook

    def __init__(self) -> None:
        super().__init__()
        self.table, self.book = self.table_kind(CAPACITY), self.book_kind(CAPACITY)
        self.sessions: dict[Tenant, Session] = {}
        self.live: dict[RequestKey, Attempt] = {}
        self.buried: list[RequestKey] = []
        self.born = self.refused = self.expired = 0
        self.now = 0.0
        self.draining = False

    # The client's side ---------------------------------------------------------------------

    @initialize(wants=st.lists(st.integers(0, 2 * CAPACITY), max_size=CAPACITY))
    def some_join(self, wants: list[int]) -> None:
        for tenant, want in zip(TENANTS, wants, strict=False):
            self.join(tenant, want)

    @rule(tenant=st.sampled_from(TENANTS), want=st.integers(0, 2 * CAPACITY), joins=st.booleans())
    def a_client_comes_or_goes(self, tenant: Tenant, want: int, joins: bool) -> None:
        if joins or tenant not in self.sessions:
            self.join(tenant, want)
        else:
            self.leave(tenant)

    def join(self, tenant: Tenant, want: int) -> None:
        known = tenant in self.sessions
        has_room = not self.draining and len(self.sessions) < CAPACITY
        assert self.book.join(tenant, want) is (known or has_room)
        if known:
            self.sessions[tenant].wanted = max(1, want)
        elif has_room:
            self.sessions[tenant] = Session(max(1, want))
        self.tell()

    def leave(self, tenant: Tenant) -> None:
        del self.sessions[tenant]
        for attempt in self.table.orphan(tenant):
            attempt.ended = True
            self.settle(attempt)
        self.book.leave(tenant)
        self.tell()

    @precondition(lambda self: self.sessions)
    @rule(
        data=st.data(),
        words=st.integers(0, 5),
        asks=st.integers(0, 4),
        greedy=st.integers(0, 19),
        heard=st.integers(0, 5),
        budget=st.integers(1, 9),
    )
    def talk(
        self, data: st.DataObject, words: int, asks: int, greedy: int, heard: int, budget: int
    ) -> None:
        """A client hears some of what has come, perhaps asks; the node hears some of its words."""
        tenant = data.draw(st.sampled_from(sorted(self.sessions)))
        session = self.sessions[tenant]
        session.greedy |= not greedy
        for _ in range(min(words, len(session.to_client))):
            self.hear(session)
        for _ in range(asks):
            if len(session.held) < session.lease or session.greedy:
                self.ask(tenant, session)
        self.keep_lease(session)
        for _ in range(min(heard, len(session.to_node))):
            self.node_hears(tenant, session.to_node.popleft(), budget)

    def ask(self, tenant: Tenant, session: Session) -> None:
        self.born += 1
        asked = key(self.born, of=int(tenant[0], 16))
        session.held.add(asked)
        session.to_node.append(asked)

    def hear(self, session: Session) -> None:
        word = session.to_client.popleft()
        if isinstance(word, RequestKey):
            session.held.discard(word)
        else:
            session.lease, session.number = word

    def keep_lease(self, session: Session) -> None:
        """As a client does once it holds no more than it was told."""
        if session.confirmed != session.number and len(session.held) <= session.lease:
            session.confirmed = session.number
            session.to_node.append(session.number)

    # The node's side -----------------------------------------------------------------------

    def node_hears(self, tenant: Tenant, word: Word, budget: int) -> None:
        if isinstance(word, RequestKey):
            self.admit(word, budget)
        else:
            self.book.confirm(tenant, word)
            self.tell()

    def admit(self, asked: RequestKey, budget: int) -> None:
        if self.table.is_over(asked):  # taken back before it came
            return
        session = self.sessions[tenant_of(asked)]
        room = self.table.held_by(tenant_of(asked)) < self.book.lease(tenant_of(asked))
        assert room or session.greedy, "a lease that is kept is honoured"
        attempt = None
        if room:
            assert len(self.live) < CAPACITY, "a lease stands for a slot"
            attempt = self.table.open(asked, ROUTE, Deadline(self.now + budget), ["stage"])
            assert attempt is not None
            self.live[asked] = attempt
        else:
            self.bury(asked)
            session.to_client.append(asked)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), what=st.lists(st.sampled_from(WORK), min_size=1, max_size=4))
    def attempts_are_worked_on(self, data: st.DataObject, what: list[str]) -> None:
        for done in what:
            if self.live:
                self.work(self.live[data.draw(st.sampled_from(sorted(self.live, key=str)))], done)
        self.open_without_a_slot()

    def work(self, attempt: Attempt, done: str) -> None:
        if done == "runs" and not attempt.ended:
            attempt.running |= attempt.to_run
            attempt.to_run.clear()
        elif done == "ran":
            attempt.running.clear()
        elif done == "sends" and not attempt.ended:
            attempt.sending += 1
        elif done == "sent":
            attempt.sending = max(0, attempt.sending - 1)
        elif done == "fails":
            attempt.ended = True
        self.settle(attempt)

    def open_without_a_slot(self) -> None:
        if len(self.live) == CAPACITY:
            self.born += 1
            assert self.table.open(key(self.born), ROUTE, Deadline(1), ["stage"]) is None
            self.refused += 1

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A client takes back what it holds, or what has not come yet."""
        session = self.sessions[data.draw(st.sampled_from(sorted(self.sessions)))]
        if not session.held:
            return
        taken_back = data.draw(st.sampled_from(sorted(session.held, key=str)))
        attempt = self.table.get(taken_back)
        assert attempt is self.live.get(taken_back)
        if attempt is None:
            self.bury(taken_back)
            session.to_client.append(taken_back)
        else:
            attempt.ended = True
            self.settle(attempt)

    @rule(seconds=st.integers(0, 3), drains=st.integers(0, 19))
    def time_passes(self, seconds: int, drains: int) -> None:
        if self.born > 8 and not drains:
            self.drain()
        self.now += seconds
        late = [a for a in self.live.values() if not a.ended and a.deadline.instant <= self.now]
        assert set(map(id, self.table.expired(self.now))) == set(map(id, late))
        self.expired += len(late)
        for attempt in late:
            attempt.ended = True
            self.settle(attempt)

    def drain(self) -> None:
        self.draining = True
        self.book.drain()
        self.tell()

    def settle(self, attempt: Attempt) -> None:
        todo = attempt.to_run and not attempt.ended
        is_busy = bool(attempt.running or attempt.sending or todo)
        assert self.table.release(attempt) is not is_busy
        if is_busy:
            return
        assert not self.table.release(attempt), "a slot comes back once"
        del self.live[attempt.key]
        self.buried.append(attempt.key)
        if attempt.orphaned:
            self.tell()
        else:
            self.sessions[tenant_of(attempt.key)].to_client.append(attempt.key)

    def bury(self, over: RequestKey) -> None:
        self.table.bury(over)
        self.buried.append(over)

    def tell(self) -> None:
        for tenant, slots, number in self.book.changes(self.table.orphans):
            self.sessions[tenant].to_client.append((slots, number))
        assert self.book.changes(self.table.orphans) == [], "no change of facts, no news"

    # What always holds ---------------------------------------------------------------------

    @invariant()
    def a_slot_has_one_attempt(self) -> None:
        slots = [attempt.slot for attempt in self.table]
        assert len(set(slots)) == len(slots)
        assert set(slots) <= set(range(CAPACITY))
        assert {id(a) for a in self.table} == {id(a) for a in self.live.values()}
        found = self.table.statistics()
        assert (found.in_use, found.refused) == (len(slots), self.refused)
        assert found.expired == self.expired

    @invariant()
    def no_slot_is_leased_twice(self) -> None:
        given = sum(self.book.lease(tenant) for tenant in self.sessions)
        orphans = sum(attempt.orphaned for attempt in self.live.values())
        assert self.table.orphans == orphans
        assert self.book.granted == given <= CAPACITY - orphans
        for tenant, session in self.sessions.items():
            assert session.lease <= self.book.lease(tenant)

    @invariant()
    def what_is_over_stays_over(self) -> None:
        latest = list(dict.fromkeys(tenant_of(k) for k in reversed(self.buried)))[:CAPACITY]
        for over in self.buried:
            assert self.table.is_over(over) or tenant_of(over) not in latest
        for live in self.live:
            assert not self.table.is_over(live)

    def teardown(self) -> None:
        """When all work is done and all is said and heard, everybody has a fair share."""
        for attempt in list(self.live.values()):
            attempt.running.clear()
            attempt.sending, attempt.ended = 0, True
            self.settle(attempt)
        for _ in range(4 * CAPACITY):
            for tenant, session in self.sessions.items():
                self.say_all(tenant, session)
        share = 0 if self.draining else max(1, CAPACITY // max(1, len(self.sessions)))
        for tenant, session in self.sessions.items():
            assert session.lease == self.book.lease(tenant) == min(share, session.wanted)
        assert not self.book.unconfirmed()

    def say_all(self, tenant: Tenant, session: Session) -> None:
        while session.to_client:
            self.hear(session)
        session.held.clear()
        self.keep_lease(session)
        while session.to_node:
            word = session.to_node.popleft()
            if not isinstance(word, RequestKey):
                self.node_hears(tenant, word, 1)


class _Hasty(SlotTable):
    def release(self, attempt: Attempt) -> bool:
        attempt.running.clear()
        return super().release(attempt)


class _Forgetful(SlotTable):
    def bury(self, key: RequestKey) -> None:
        """No tombstone."""


class _Deaf(LeaseBook):
    def confirm(self, tenant: Tenant, number: int, held: int = 0) -> None:
        share = self._shares.get(tenant)
        super().confirm(tenant, share.number if share else number, held)


class _Generous(LeaseBook):
    def changes(self, withheld: int = 0) -> list[tuple[Tenant, int, int]]:
        return super().changes(0)


class HastySlots(SlotsAndLeases):
    table_kind = _Hasty


class ForgetfulSlots(SlotsAndLeases):
    table_kind = _Forgetful


class DeafLeases(SlotsAndLeases):
    book_kind = _Deaf


class GenerousLeases(SlotsAndLeases):
    book_kind = _Generous


BROKEN: dict[str, type[SlotsAndLeases]] = {
    "a slot that is given back while a worker runs in it": HastySlots,
    "a table without tombstones": ForgetfulSlots,
    "a lease that an answer to an earlier one confirms": DeafLeases,
    "leases on slots that still work for who is gone": GenerousLeases,
}
