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
        self._clock = clock
        self._links: dict[str, Link] = {}
        self._tasks: dict[Link, asyncio.Task[None]] = {}
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
        link = self._links.get(hint.name)
        if link is None:
            self._open(hint.name, hint.addresses, hint.name)
        else:
            link.retry(self._table.addresses(hint.name))

    def add(self, address: str) -> None:
        """A node is said to be at this address."""
        if address not in self._links:
            self._open(address, (address,), "")

    def _open(self, label: str, addresses: tuple[str, ...], name: str) -> None:
        link = Link(addresses, self.hello, self, self._clock.now, name=name)
        self._links[label] = link
        self._tasks[link] = asyncio.create_task(link.run(), name=f"link to {label}")

    def complaints(self) -> tuple[str, ...]:
        """What went wrong last on links that are not up."""
        return tuple(link.last_error for link in self._links.values() if link.last_error)

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
        tasks = list(self._tasks.values())
        for link in self._tasks:
            link.close("the client leaves")
        if tasks:
            await asyncio.wait(tasks, timeout=0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
