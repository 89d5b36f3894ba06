"""Which nodes run what, how many of their slots we hold, and the route of each attempt. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edgechain.spec.ids import RequestKey, StageName
from edgechain.spec.message import Hop, Route


@dataclass(slots=True)
class NodeView:
    """A live node as its client sees it: what it runs, what it leased, what of that we hold.

    ``number`` is the lease's, ``confirmed`` the number that was answered last.
    """

    hop: Hop
    stages: frozenset[StageName]
    lease: int = 0
    number: int = 0
    confirmed: int = 0
    held: set[RequestKey] = field(default_factory=set)

    @property
    def free(self) -> int:
        """Slots that may be taken now."""
        return self.lease - len(self.held)


class RouteTable:
    """Picks routes and keeps count of slots.

    ``admit`` takes one slot of every node on a route at once, or nothing. A slot comes back only
    when its node says so, or is gone.
    """

    def __init__(self, stages: Iterable[StageName]):
        self._stages = tuple(stages)
        self._nodes: dict[Hop, NodeView] = {}

    def node_up(self, hop: Hop, stages: Iterable[StageName]) -> None:
        """A node said Welcome."""
        self._nodes[hop] = NodeView(hop, frozenset(stages))

    def node_down(self, hop: Hop) -> frozenset[RequestKey]:
        """A node is gone; the attempts it had a slot for."""
        node = self._nodes.pop(hop, None)
        return frozenset(node.held) if node else frozenset()

    def set_lease(self, hop: Hop, slots: int, number: int) -> None:
        """A node leases us this many slots from now on."""
        if hop in self._nodes:
            self._nodes[hop].lease = slots
            self._nodes[hop].number = number

    def confirmable(self) -> list[tuple[Hop, int, int]]:
        """Leases (node, slots, number) that now hold true; from now on they count as confirmed."""
        news = [node for node in self._nodes.values() if node.confirmed != node.number]
        ready = [node for node in news if len(node.held) <= node.lease]
        for node in ready:
            node.confirmed = node.number
        return [(node.hop, node.lease, node.number) for node in ready]

    def admit(self, key: RequestKey) -> Route | None:
        """Pin a route and take its slots; ``None`` when some node has none, or is missing."""
        route: list[Hop] = []
        for stage in self._stages:
            node = self._best(stage, route)
            if node is None:
                return None
            route.append(node.hop)
        for hop in dict.fromkeys(route):
            self._nodes[hop].held.add(key)
        return tuple(route)

    def _best(self, stage: StageName, route: list[Hop]) -> NodeView | None:
        """The replica with the most free slots; one that is on the route already comes first."""
        replicas = [n for n in self._nodes.values() if stage in n.stages and n.free > 0]
        return max(replicas, key=lambda n: (n.hop in route, n.free), default=None)

    def release(self, hop: Hop, key: RequestKey) -> None:
        """A node says that an attempt's slot is free."""
        if hop in self._nodes:
            self._nodes[hop].held.discard(key)

    def holders(self, key: RequestKey) -> tuple[Hop, ...]:
        """The live nodes that still hold a slot for an attempt."""
        return tuple(node.hop for node in self._nodes.values() if key in node.held)

    def missing(self) -> tuple[StageName, ...]:
        """Stages that no live node runs."""
        present = frozenset[StageName]().union(*(n.stages for n in self._nodes.values()))
        return tuple(stage for stage in self._stages if stage not in present)

    def nodes(self) -> tuple[NodeView, ...]:
        """Every live node."""
        return tuple(self._nodes.values())
