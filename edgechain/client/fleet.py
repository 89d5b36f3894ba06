"""The client's links to a chain's nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edgechain.client.routes import RouteTable
from edgechain.client.submit import Submitter
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.runtime.clock import Clock
from edgechain.spec.ids import StageName
from edgechain.spec.message import (
    Chunk,
    Control,
    Failure,
    Hello,
    Hop,
    Lease,
    Released,
    TensorSend,
    Welcome,
)
from edgechain.transport.link import Link
from edgechain.transport.links import Links
from edgechain.transport.stream import PeerStream

GRACE_SECONDS = 2.0
"""How long a stage may be without a node before what waits for it is given up."""


class Fleet:
    """One link to every node of a chain; tells the submitter what they say.

    ``complete`` is set while every stage has a node that leases us slots.
    """

    def __init__(self, hello: Hello, stages: Sequence[StageName], table: PeerTable, clock: Clock):
        self._table = table
        self.hello = hello
        self._links = Links(hello, self, clock.now)
        self._streams: dict[Hop, PeerStream] = {}
        self._hops: dict[PeerStream, Hop] = {}
        self._submitter: Submitter | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._stages = frozenset(stages)
        self.routes = RouteTable(stages)
        self.complete = asyncio.Event()

    def attach(self, submitter: Submitter) -> None:
        """Say who is to hear what nodes say."""
        self._submitter = submitter

    def seen(self, hint: PeerHint) -> None:
        """A node announced itself."""
        same = (self.hello.generation or "").startswith(hint.generation)
        if hint.chain != self.hello.chain or not same:
            return
        self._links.reach(hint.name, self._table.addresses(hint.name), name=hint.name)

    def add(self, address: str) -> None:
        """A node is said to be at this address."""
        self._links.reach(address, (address,))

    def complaints(self) -> tuple[str, ...]:
        """What went wrong last on links that are not up."""
        return self._links.complaints()

    # For the submitter -----------------------------------------------------------------------

    def tell(self, hop: Hop, control: Control) -> None:
        """Say something to a node; a node that is gone hears nothing."""
        stream = self._streams.get(hop)
        if stream is not None:
            stream.send(control)

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send an input to a node."""
        stream = self._streams.get(hop)
        if stream is None:
            send.done(False)
        else:
            stream.send_tensor(send)

    # What links report -----------------------------------------------------------------------

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        """A node said Welcome."""
        del link
        self._streams[welcome.hop] = stream
        self._hops[stream] = welcome.hop
        self.routes.node_up(welcome.hop, welcome.stages)

    def on_down(self, link: Link, reason: str) -> None:
        """A node is gone."""
        if link.welcome is None:
            return
        hop = link.welcome.hop
        stream = self._streams.pop(hop, None)
        if stream is not None:
            del self._hops[stream]
        if self._submitter is not None:
            self._submitter.node_lost(hop, reason)
        self._judge()

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """A piece of a result."""
        del stream
        if self._submitter is not None:
            self._submitter.on_chunk(chunk)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """A lease, a freed slot or a failure."""
        hop, submitter = self._hops.get(stream), self._submitter
        if hop is None:
            return
        if isinstance(control, Lease):
            self.routes.set_lease(hop, control.slots, control.number)
            self._judge()
        if submitter is None:
            return
        if isinstance(control, Released):
            submitter.on_released(hop, control.keys)
        elif isinstance(control, Failure):
            submitter.on_failure(control)
        elif isinstance(control, Lease):
            submitter.pump()

    def _judge(self) -> None:
        """Note whether the chain is whole; give up what waits when it stays broken."""
        leased = frozenset[StageName]().union(
            *(node.stages for node in self.routes.nodes() if node.lease)
        )
        if leased >= self._stages:
            self.complete.set()
            if self._grace is not None:
                self._grace.cancel()
                self._grace = None
        else:
            self.complete.clear()
            if self._grace is None and self._submitter is not None:
                loop = asyncio.get_running_loop()
                self._grace = loop.call_later(GRACE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._grace = None
        if self._submitter is not None:
            self._submitter.fail_unroutable()
        if self.routes.missing():
            self._judge()

    async def close(self) -> None:
        """Say goodbye everywhere; may be called twice."""
        self._submitter = None
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        await self._links.close("the client leaves")
