"""Which nodes run what, how many of their slots we hold, and the route of each attempt. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edgechain.client.health import Health
from edgechain.spec.ids import RequestKey, StageName
from edgechain.spec.message import Hop, Route

SLOWER = 3.0
"""A node that holds slots so many times as long as the best replica is not used for a while."""

NOBODY: Mapping[Hop, int] = MappingProxyType({})
"""Who is to blame for what has not failed."""

SLOW_SECONDS = 0.01
"""Shorter times say more about the scheduler of a busy client than about a node."""


@dataclass(slots=True)
class NodeView:
    """A live node as its client sees it: what it runs, what it leased, what of that we hold.

    ``held`` are the attempts that have a slot. ``number`` is the lease's, ``confirmed`` the
    number that was answered last, ``turn`` when the node was last given an attempt.
    """

    hop: Hop
    stages: frozenset[StageName]
    lease: int = 0
    number: int = 0
    confirmed: int = 0
    turn: int = 0
    held: set[RequestKey] = field(default_factory=set)
    health: Health = field(default_factory=Health)

    @property
    def free(self) -> int:
        """Slots that may be taken now."""
        return self.lease - len(self.held)

    @property
    def load(self) -> float:
        """The part of the lease that is taken."""
        return len(self.held) / self.lease if self.lease else 1.0


class RouteTable:
    """Picks routes and keeps count of slots.

    ``admit`` takes one slot of every node on a route at once, or nothing. A slot comes back with
    the attempt's result, when its node says so, or when that is gone. ``now`` is seconds of any
    one clock.
    """

    def __init__(self, stages: Iterable[StageName]):
        self._stages = tuple(stages)
        self._nodes: dict[Hop, NodeView] = {}
        self._missing = self._stages
        self._leased: dict[StageName, list[NodeView]] = {stage: [] for stage in self._stages}
        """Who runs a stage and leases us slots."""
        self._is_confirmed = True
        self._turn = 0

    # Nodes -----------------------------------------------------------------------------------

    def node_up(self, hop: Hop, stages: Iterable[StageName]) -> None:
        """A node said Welcome."""
        self._nodes[hop] = NodeView(hop, frozenset(stages))
        self._count_stages()

    def node_down(self, hop: Hop) -> frozenset[RequestKey]:
        """A node is gone; the attempts it had a slot for."""
        node = self._nodes.pop(hop, None)
        self._count_stages()
        return frozenset(node.held) if node else frozenset()

    def _count_stages(self) -> None:
        present = frozenset[StageName]().union(*(n.stages for n in self._nodes.values()))
        self._missing = tuple(stage for stage in self._stages if stage not in present)
        self._count_leases()

    def _count_leases(self) -> None:
        for stage in self._stages:
            nodes = self._nodes.values()
            self._leased[stage] = [n for n in nodes if stage in n.stages and n.lease > 0]

    def set_lease(self, hop: Hop, slots: int, number: int) -> None:
        """A node leases us this many slots from now on; a lease told again wants its answer again.

        An earlier lease that comes late says nothing any more.
        """
        node = self._nodes.get(hop)
        if node is not None and number >= node.number:
            node.lease, node.number, node.confirmed = slots, number, 0
            self._is_confirmed = False
            self._count_leases()

    def confirmable(self) -> list[tuple[Hop, int, int]]:
        """Leases (node, slots, number) that now hold true; from now on they count as confirmed."""
        if self._is_confirmed:
            return []
        news = [node for node in self._nodes.values() if node.confirmed != node.number]
        ready = [node for node in news if len(node.held) <= node.lease]
        for node in ready:
            node.confirmed = node.number
        self._is_confirmed = len(ready) == len(news)
        return [(node.hop, node.lease, node.number) for node in ready]

    # Routes ----------------------------------------------------------------------------------

    def admit(self, key: RequestKey, now: float, avoid: Mapping[Hop, int] = NOBODY) -> Route | None:
        """Pin a route and take its slots; ``None`` when some node has none, or is missing.

        ``avoid`` says how much nodes are to blame for what became of this request so far: of a
        stage's replicas those that are to blame least come into question.
        """
        route: list[Hop] = []
        for stage in self._stages:
            node = self._best(stage, route, now, avoid)
            if node is None:
                return None
            route.append(node.hop)
        self._turn += 1
        for hop in dict.fromkeys(route):
            self._nodes[hop].held.add(key)
            self._nodes[hop].turn = self._turn
        return tuple(route)

    def _best(
        self, stage: StageName, route: list[Hop], now: float, avoid: Mapping[Hop, int]
    ) -> NodeView | None:
        """A replica on the route already, else the one with the most of its lease left.

        Replicas that failed this request, then those that are ejected, are waited past: they are
        used where there is no other, not where the others are busy.
        """
        leased = self._leased[stage]
        if len(leased) == 1:
            return leased[0] if leased[0].free > 0 else None
        if leased:
            rank = [(avoid.get(n.hop, 0), n.health.is_ejected(now)) for n in leased]
            first = min(rank)
            leased = [n for n, its in zip(leased, rank, strict=True) if its == first]
        free = [n for n in leased if n.free > 0]
        return min(free, key=lambda n: (n.hop not in route, n.load, -n.free, n.turn), default=None)

    def release(self, hop: Hop, key: RequestKey) -> bool:
        """An attempt's slot on a node is free; whether we held it."""
        node = self._nodes.get(hop)
        if node is None or key not in node.held:
            return False
        node.held.remove(key)
        return True

    def _is_one_of_several(self, node: NodeView) -> bool:
        return any(len(self._leased.get(stage, ())) > 1 for stage in node.stages)

    def _is_slow(self, node: NodeView) -> bool:
        """Whether another replica of one of its stages holds slots for much shorter."""
        hold = node.health.hold
        if hold is None or hold < SLOW_SECONDS:
            return False
        others = [
            n.health.hold for n in self._nodes.values() if not node.stages.isdisjoint(n.stages)
        ]
        return hold > SLOWER * min(other for other in others if other is not None)

    # Health ----------------------------------------------------------------------------------

    def held(self, hop: Hop, seconds: float, now: float) -> None:
        """A node says how long it held a slot; one that takes much longer than others rests."""
        node = self._nodes.get(hop)
        if node is not None and seconds > 0 and self._is_one_of_several(node):
            node.health.held(seconds)
            if self._is_slow(node):
                node.health.eject(now)

    def failed(self, hop: Hop, now: float) -> None:
        """A node failed an attempt, or could not be reached by another one."""
        if hop in self._nodes:
            self._nodes[hop].health.failed(now)

    def answered(self, key: RequestKey, route: Route) -> None:
        """An attempt has its whole result: no node of its route holds a slot for it any more."""
        for hop in dict.fromkeys(route):
            if (node := self._nodes.get(hop)) is not None:
                node.held.discard(key)
                if not node.health.is_spotless:
                    node.health.succeeded()

    def ejected(self, now: float) -> tuple[Hop, ...]:
        """Nodes that are left alone for now, save where there is no other."""
        return tuple(n.hop for n in self._nodes.values() if n.health.is_ejected(now))

    # How things stand ------------------------------------------------------------------------

    def holders(self, key: RequestKey) -> tuple[Hop, ...]:
        """The live nodes that still hold a slot for an attempt."""
        return tuple(node.hop for node in self._nodes.values() if key in node.held)

    def missing(self) -> tuple[StageName, ...]:
        """Stages that no live node runs."""
        return self._missing

    def unleased(self) -> tuple[StageName, ...]:
        """Stages of which no live node leases us a slot."""
        return tuple(stage for stage in self._stages if not self._leased[stage])

    def nodes(self) -> tuple[NodeView, ...]:
        """Every live node."""
        return tuple(self._nodes.values())
