"""Routes take one slot of every node or none, and give each back once."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgechain.client.routes import RouteTable
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Hop, Route
from tests.runtime.keys import hop, key

STAGES = ("a", "b", "c")
NODES = {
    hop("one"): ("a", "b"),
    hop("two"): ("b", "c"),
    hop("three"): ("c",),
    hop("four"): ("a",),
    hop("four", 2): ("a", "c"),
}
hops = st.sampled_from(sorted(NODES, key=str))


class Routes(RuleBasedStateMachine):
    """Nodes come and go, leases grow and shrink, requests are admitted and freed."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RouteTable(STAGES)
        self.lease: dict[Hop, int] = {}
        self.held: dict[Hop, set[RequestKey]] = {}
        self.number = self.born = 0
        self.now = 0.0
        self.confirmed: dict[Hop, int] = {}

    @rule(node=hops)
    def comes(self, node: Hop) -> None:
        if node not in self.lease:
            self.table.node_up(node, NODES[node])
            self.lease[node], self.held[node] = 0, set()

    @rule(node=hops)
    def goes(self, node: Hop) -> None:
        assert self.table.node_down(node) == self.held.pop(node, set())
        self.lease.pop(node, None)
        self.confirmed.pop(node, None)

    @rule(node=hops, slots=st.integers(0, 3))
    def leases(self, node: Hop, slots: int) -> None:
        self.number += 1
        self.table.set_lease(node, slots, self.number)
        if node in self.lease:
            self.lease[node] = slots

    @rule()
    def admits(self) -> None:
        free = {n for n, slots in self.lease.items() if len(self.held[n]) < slots}
        name, self.born = key(self.born), self.born + 1
        self.now += 0.001
        route = self.table.admit(name, self.now)
        possible = all(any(stage in NODES[n] for n in free) for stage in STAGES)
        assert (route is not None) is possible
        if route is not None:
            self.take(name, route, free)

    def take(self, name: RequestKey, route: Route, free: set[Hop]) -> None:
        assert set(route) <= free
        for stage, node in zip(STAGES, route, strict=True):
            assert stage in NODES[node]
        for node in set(route):
            self.held[node].add(name)
        assert set(self.table.holders(name)) == set(route)

    @rule(node=hops, number=st.integers(0, 30))
    def frees(self, node: Hop, number: int) -> None:
        held = key(number) in self.held.get(node, set())
        assert self.table.release(node, key(number), self.now) is held
        self.held.get(node, set()).discard(key(number))

    @rule()
    def confirms(self) -> None:
        for node, slots, number in self.table.confirmable():
            assert slots == self.lease[node] >= len(self.held[node])
            assert number > self.confirmed.get(node, 0), "each lease once"
            self.confirmed[node] = number

    @invariant()
    def counts_agree(self) -> None:
        found = {node.hop: node for node in self.table.nodes()}
        assert {h: set(n.held) for h, n in found.items()} == self.held
        assert {h: n.lease for h, n in found.items()} == self.lease
        present = {stage for node in self.lease for stage in NODES[node]}
        assert self.table.missing() == tuple(s for s in STAGES if s not in present)


TestRoutes = Routes.TestCase


def test_the_replica_with_the_most_free_slots_is_taken() -> None:
    table = RouteTable(["a"])
    for number, node in enumerate((hop("x"), hop("y"), hop("z"))):
        table.node_up(node, ["a"])
        table.set_lease(node, (2, 3, 1)[number], 1)
    taken = [table.admit(key(number), 0.0) for number in range(7)]
    assert taken[0] == (hop("y"),)
    names = sorted(route[0].node for route in taken[:6] if route)
    assert names == ["x", "x", "y", "y", "y", "z"]
    assert taken[6] is None


def test_a_node_that_is_on_the_route_already_comes_first() -> None:
    table = RouteTable(["a", "b"])
    table.node_up(hop("both"), ["a", "b"])
    table.node_up(hop("idle"), ["b"])
    table.set_lease(hop("both"), 2, 1)
    table.set_lease(hop("idle"), 9, 1)
    assert table.admit(key(0), 0.0) == (hop("both"), hop("both"))
