"""A submitter among doubles, for a chain of one node."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgechain.client.routes import RouteTable
from edgechain.client.submit import Submitter
from edgechain.runtime.clock import SystemClock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import ClientId
from edgechain.spec.message import Control, Hop, TensorSend
from tests.runtime.keys import hop
from tests.spec.manifests import diamond

MANIFEST = ChainManifest.sealed(**diamond())
NODE = hop("node")


@dataclass
class NotedNodes:
    """What nodes were told and sent."""

    told: list[tuple[Hop, Control]] = field(default_factory=list)
    sends: list[tuple[Hop, TensorSend]] = field(default_factory=list)

    def tell(self, to: Hop, control: Control) -> None:
        self.told.append((to, control))

    def send_tensor(self, to: Hop, send: TensorSend) -> None:
        self.sends.append((to, send))


def submitter(nodes: NotedNodes, *, slots: int = 0) -> Submitter:
    routes = RouteTable(MANIFEST.stage)
    if slots:
        routes.node_up(NODE, MANIFEST.stage)
        routes.set_lease(NODE, slots, 1)
    return Submitter(MANIFEST, ClientId("0" * 32), 1, routes, nodes, SystemClock())
