"""Who asks a chain: the same client for every generation of it, each in a session of its own."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field

from edgechain.client.fleet import Fleet
from edgechain.discovery.peers import PeerTable
from edgechain.runtime.clock import Clock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import ChainName, ClientId, Generation, new_client_id
from edgechain.spec.message import Hello, Role

WANTED_SLOTS = 8
"""Of every node: as many as a stream has under way, and a node has by default."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of one chain; ``table`` is what it has heard of nodes.

    ``security`` proves who it is and who answers; without it nobody is asked for proof.
    """

    chain: ChainName
    table: PeerTable
    clock: Clock
    security: LinkSecurity | None = None
    id: ClientId = field(default_factory=new_client_id)

    def fleet(self, manifest: ChainManifest) -> Fleet:
        """Links to the nodes of one generation, as far as they were heard of."""
        hello = Hello(
            role=Role.CLIENT,
            name=f"{socket.gethostname()}:{os.getpid()}",
            namespace=self.table.namespace,
            chain=self.chain,
            generation=Generation(manifest.generation),
            client=self.id,
            session=secrets.randbits(63),
            want_slots=WANTED_SLOTS,
        )
        fleet = Fleet(hello, manifest, self.table, self.clock, self.security)
        for heard in self.table.peers():
            fleet.seen(heard)
        return fleet
