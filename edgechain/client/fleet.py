"""The client's links to the nodes of one generation of a chain."""

from __future__ import annotations

import asyncio
from typing import Protocol

from edgechain.client.session import Session
from edgechain.client.submit import Submitter
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import PeerRefused
from edgechain.runtime.clock import Clock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import Generation, RequestKey
from edgechain.spec.message import (
    Chunk,
    Control,
    Failure,
    Hello,
    Hop,
    Lease,
    Released,
    Superseded,
    TensorSend,
    Welcome,
)
from edgechain.transport.link import Link
from edgechain.transport.links import Links
from edgechain.transport.stream import PeerStream


class Watcher(Protocol):
    """Who is told how a generation fares."""

    def on_complete(self, fleet: Fleet) -> None:
        """Every stage has a node that leases us slots, again or for the first time."""

    def on_superseded(self, fleet: Fleet, generation: Generation, address: str) -> None:
        """The node at this address serves another generation from now on."""


class Fleet:
    """One link to every node of a generation; tells the submitter what they say.

    ``complete`` is set while every stage has a node that leases us slots.
    """

    def __init__(
        self,
        hello: Hello,
        manifest: ChainManifest,
        table: PeerTable,
        clock: Clock,
        security: LinkSecurity | None = None,
    ):
        if hello.client is None:
            raise ValueError("a client has an id")
        self.hello = hello
        self.session = Session(manifest, hello.client, hello.session, self)
        self.complete = asyncio.Event()
        self._table = table
        self._links = Links(hello, self, clock.now, security)
        self._streams: dict[Hop, PeerStream] = {}
        self._hops: dict[PeerStream, Hop] = {}
        self._addresses: dict[PeerStream, str] = {}
        self._submitter: Submitter | None = None
        self._watcher: Watcher | None = None

    def attach(self, submitter: Submitter, watcher: Watcher) -> None:
        """Say who is to hear what nodes say."""
        self._submitter, self._watcher = submitter, watcher

    @property
    def generation(self) -> str:
        """Whose nodes these are."""
        return self.session.manifest.generation

    def seen(self, hint: PeerHint) -> None:
        """A node announced itself; whether it is one of ours its answer to our Hello tells."""
        if hint.chain == self.hello.chain:
            self._links.reach(hint.name, self._table.addresses(hint.name), name=hint.name)

    def add(self, address: str, name: str = "") -> None:
        """A node, of this name or of any, is said to be at this address."""
        self._links.reach(name or address, (address,), name=name)

    def addresses(self) -> tuple[str, ...]:
        """Where its nodes are, or may be."""
        return tuple(dict.fromkeys(link.address for link in self._links.statistics()))

    def complaints(self) -> tuple[str, ...]:
        """What went wrong last on links that are not up."""
        return self._links.complaints()

    def strangers(self) -> tuple[str, ...]:
        """What went wrong where one side could not prove who it is."""
        return self._links.strangers()

    # For the session -------------------------------------------------------------------------

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

    def forget(self, hop: Hop, key: RequestKey) -> None:
        """Give up inputs of an attempt that wait to be sent."""
        stream = self._streams.get(hop)
        if stream is not None:
            stream.forget(key)

    # What links report -----------------------------------------------------------------------

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        """A node said Welcome; one that stands by is of no use to us."""
        if not welcome.stages:
            raise PeerRefused(f"{welcome.hop.node} runs no stage of this generation")
        self._streams[welcome.hop] = stream
        self._hops[stream] = welcome.hop
        self._addresses[stream] = link.address
        if self._submitter is not None:
            self._submitter.node_up(self.session, welcome.hop, welcome.stages)

    def on_down(self, link: Link, reason: str) -> None:
        """A node is gone."""
        if link.welcome is None:
            return
        hop = link.welcome.hop
        stream = self._streams.pop(hop, None)
        if stream is not None:
            del self._hops[stream], self._addresses[stream]
        if self._submitter is not None:
            self._submitter.node_lost(self.session, hop, reason)
        self._judge()

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """A piece of a result."""
        del stream
        if self._submitter is not None:
            self._submitter.on_chunk(chunk)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """A lease, a freed slot, a failure, or news of a generation."""
        hop, submitter = self._hops.get(stream), self._submitter
        if hop is None or submitter is None:
            return
        match control:
            case Lease(slots, number):
                submitter.on_lease(self.session, hop, slots, number)
                self._judge()
            case Released():
                submitter.on_released(hop, control)
            case Failure():
                submitter.on_failure(hop, control)
            case Superseded(generation) if self._watcher is not None:
                self._watcher.on_superseded(self, generation, self._addresses[stream])
            case _:
                return

    def _judge(self) -> None:
        if self.session.routes.unleased():
            self.complete.clear()
        elif not self.complete.is_set():
            self.complete.set()
            if self._watcher is not None:
                self._watcher.on_complete(self)

    async def close(self) -> None:
        """Say goodbye everywhere; may be called twice."""
        self._submitter = self._watcher = None
        await self._links.close("the client leaves")
