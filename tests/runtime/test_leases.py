"""Leases between one node and clients whose words take their time: nobody gets what another has."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgechain.runtime.leases import LeaseBook
from edgechain.runtime.slots import Tenant
from edgechain.spec.ids import ClientId

CAPACITY = 6


class Wire:
    """A client session as the real one behaves, with words on their way in both directions."""

    def __init__(self, want: int = 1) -> None:
        self.wanted = max(1, want)
        self.to_client: deque[tuple[int, int]] = deque()
        self.to_node: deque[int] = deque()
        self.lease = self.number = self.confirmed = self.held = 0


class Leases(RuleBasedStateMachine):
    """Joins, leaves, requests and delayed messages in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.book = LeaseBook(CAPACITY)
        self.wires: dict[Tenant, Wire] = {}
        self.born = 0

    def tell(self) -> None:
        for tenant, slots, number in self.book.changes():
            self.wires[tenant].to_client.append((slots, number))
        assert self.book.changes() == [], "no change of facts, no news"

    @rule(want=st.integers(0, 9))
    def join(self, want: int) -> None:
        tenant = (ClientId(f"{self.born:032x}"), self.born)
        self.born += 1
        let_in = self.book.join(tenant, want)
        assert let_in is (len(self.wires) < CAPACITY)
        if let_in:
            self.wires[tenant] = Wire(want)
        self.tell()

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        tenant = data.draw(st.sampled_from(sorted(self.wires)))
        del self.wires[tenant]
        self.book.leave(tenant)
        self.tell()

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def client_hears(self, data: st.DataObject) -> None:
        wire = self.wires[data.draw(st.sampled_from(sorted(self.wires)))]
        if wire.to_client:
            wire.lease, wire.number = wire.to_client.popleft()
        self.client_confirms(wire)

    @precondition(lambda self: self.wires)
    @rule(data=st.data(), more=st.booleans())
    def client_works(self, data: st.DataObject, more: bool) -> None:
        wire = self.wires[data.draw(st.sampled_from(sorted(self.wires)))]
        if more and wire.held < wire.lease:
            wire.held += 1
        elif not more and wire.held:
            wire.held -= 1
        self.client_confirms(wire)

    def client_confirms(self, wire: Wire) -> None:
        """As ``RouteTable.confirmable`` does."""
        if wire.confirmed != wire.number and wire.held <= wire.lease:
            wire.confirmed = wire.number
            wire.to_node.append(wire.number)

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def node_hears(self, data: st.DataObject) -> None:
        tenant = data.draw(st.sampled_from(sorted(self.wires)))
        if self.wires[tenant].to_node:
            self.book.confirm(tenant, self.wires[tenant].to_node.popleft())
            self.tell()

    @invariant()
    def nobody_gets_what_another_has(self) -> None:
        assert sum(self.book.lease(tenant) for tenant in self.wires) <= CAPACITY
        for tenant, wire in self.wires.items():
            assert max(wire.held, wire.lease) <= self.book.lease(tenant)

    def teardown(self) -> None:
        """When everything said is heard and nothing is held, everybody has a fair share."""
        for wire in self.wires.values():
            wire.held = 0
        for _ in range(4 * CAPACITY):
            for tenant, wire in self.wires.items():
                while wire.to_client:
                    wire.lease, wire.number = wire.to_client.popleft()
                self.client_confirms(wire)
                while wire.to_node:
                    self.book.confirm(tenant, wire.to_node.popleft())
                self.tell()
        share = max(1, CAPACITY // max(1, len(self.wires)))
        for tenant, wire in self.wires.items():
            assert wire.lease == self.book.lease(tenant) >= 1
            assert wire.lease == min(share, wire.wanted)


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def told(book: LeaseBook) -> dict[Tenant, tuple[int, int]]:
    return {tenant: (slots, number) for tenant, slots, number in book.changes()}


def test_an_answer_to_an_earlier_lease_of_the_same_size_counts_for_nothing() -> None:
    one, two, three = ((ClientId(str(i) * 32), i) for i in range(3))
    book = LeaseBook(CAPACITY)
    book.join(one, CAPACITY)
    told(book)
    book.join(two, CAPACITY)
    early = told(book)[one]
    book.leave(two)
    told(book)
    book.join(three, CAPACITY)
    late = told(book)[one]
    assert early[0] == late[0] == CAPACITY // 2
    book.confirm(one, early[1])
    assert (book.lease(one), book.lease(three)) == (CAPACITY, 0)
    book.confirm(one, late[1])
    assert told(book) == {three: (CAPACITY // 2, 1)}


def test_a_lease_without_an_answer_can_be_told_again() -> None:
    mine = (ClientId("0" * 32), 0)
    book = LeaseBook(CAPACITY)
    book.join(mine, 2)
    assert book.unconfirmed() == []
    assert told(book) == {mine: (2, 1)}
    assert book.unconfirmed() == [(mine, 2, 1)], "and again, until it is answered"
    book.confirm(mine, 1)
    assert book.unconfirmed() == []


def test_draining_takes_back_what_is_given_when_it_is_really_free() -> None:
    mine, other = ((ClientId(str(i) * 32), i) for i in range(2))
    book = LeaseBook(CAPACITY)
    book.join(mine, CAPACITY)
    told(book)
    book.drain()
    assert not book.join(other, 1)
    assert told(book) == {mine: (0, 2)}
    assert (book.granted, book.lease(mine)) == (CAPACITY, CAPACITY)
    book.confirm(mine, 1)
    assert book.granted == CAPACITY, "an answer to the lease before"
    book.confirm(mine, 2)
    assert (book.granted, told(book)) == (0, {})
