"""Links to the nodes that run the stages after ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from edgechain.discovery.peers import PeerHint, PeerTable, Suggestion
from edgechain.errors import PeerRefused
from edgechain.runtime.clock import Clock
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import RequestKey, StageName
from edgechain.spec.message import Chunk, Control, Hello, Hop, TensorSend, Welcome
from edgechain.spec.status import LinkStatus
from edgechain.transport.link import Link
from edgechain.transport.links import Links
from edgechain.transport.stream import PeerStream

_LOG = logging.getLogger(__name__)


class PeerLinks:
    """One link to every peer that runs a stage we feed; a tensor waits for a link to come up.

    ``table`` is the node's: whoever calls ``seen`` and ``gone`` has noted the hint there.
    ``linked`` is set while every stage in ``wanted`` (the successors of ours on other nodes) has
    a link that is up. ``takers`` are the stages of which other nodes may run replicas beside ours:
    a link to one of those is not needed, and of use.
    """

    def __init__(
        self,
        hello: Hello,
        wanted: Iterable[StageName],
        table: PeerTable,
        clock: Clock,
        security: LinkSecurity | None = None,
        *,
        takers: Iterable[StageName] = (),
    ):
        self._hello = hello
        self._wanted = frozenset(wanted)
        self._useful = self._wanted | frozenset(takers)
        self._table = table
        self._clock = clock
        self._links = Links(hello, self, clock.now, security)
        self._up: dict[Link, PeerStream] = {}
        self._streams: dict[Hop, PeerStream] = {}
        self._stages: dict[Hop, frozenset[StageName]] = {}
        self._waiting: dict[Hop, list[TensorSend]] = {}
        self._suggested: dict[str, Suggestion] = {}
        self.linked = asyncio.Event()
        self._judge()

    # Discovery -------------------------------------------------------------------------------

    def seen(self, hint: PeerHint) -> None:
        """A node announced itself. It may run our generation beside the one it announces."""
        ours = hint.chain == self._hello.chain and hint.name != self._hello.name
        addresses = self._table.addresses(hint.name)
        if ours and self._useful and addresses:
            self._links.reach(hint.name, addresses, name=hint.name)

    def gone(self, hint: PeerHint) -> None:
        """A node said goodbye."""
        if not self._table.addresses(hint.name):
            self._links.rest(hint.name)

    def add_static(self, address: str) -> None:
        """A node is said to be at this address."""
        if self._useful:
            self._links.reach(address, (address,))

    def suggest(self, found: Iterable[Suggestion]) -> None:
        """Where nodes may be, all that is said now; what was said before is left once it is down.

        Our own name is passed over. An address without a name may be our own: see ``on_up``.
        """
        if not self._useful:
            return
        now = {one.label: one for one in found if one.name != self._hello.name}
        for label in [label for label in self._suggested if label not in now]:
            if self._links.leave(label):
                del self._suggested[label]
        for label, one in now.items():
            if self._suggested.get(label) != one:
                self._suggested[label] = one
                self._links.reach(label, one.addresses, name=one.name)

    # Tensors ---------------------------------------------------------------------------------

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send, now or as soon as that life of that node is linked, until the deadline."""
        stream = self._streams.get(hop)
        if stream is not None:
            stream.send_tensor(send)
        elif any(h.node == hop.node for h in self._streams):
            send.done(False)  # another life of the node answers there: this one is over
        else:
            self._waiting.setdefault(hop, []).append(send)

    def forget(self, key: RequestKey) -> None:
        """Give up on what waits to be sent for an attempt that has ended."""
        self._give_up(lambda send: send.key == key)
        for stream in list(self._streams.values()):
            stream.forget(key)

    def expire(self) -> None:
        """Give up on what waited until its deadline."""
        now = self._clock.now()
        self._give_up(lambda send: send.deadline.has_passed(now))

    def _give_up(self, matches: Callable[[TensorSend], bool]) -> None:
        waiting, self._waiting = self._waiting, {}
        over = [send for sends in waiting.values() for send in sends if matches(send)]
        for hop, sends in waiting.items():
            if kept := [send for send in sends if not matches(send)]:
                self._waiting[hop] = kept
        for send in over:
            send.done(False)

    # What links report -----------------------------------------------------------------------

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        """A link is up: let waiting tensors go, or refuse it if it leads nowhere we need."""
        stages = frozenset(welcome.stages)
        if welcome.hop.node == self._hello.name:
            raise PeerRefused("this is where we are ourselves")
        if self._useful.isdisjoint(stages):
            raise PeerRefused(f"{welcome.hop.node} runs no stage that takes what ours give")
        _LOG.info("linked to %s (%s)", welcome.hop.node, ", ".join(sorted(stages)))
        self._up[link] = self._streams[welcome.hop] = stream
        self._stages[welcome.hop] = stages
        for hop in [hop for hop in self._waiting if hop.node == welcome.hop.node]:
            for send in self._waiting.pop(hop, ()):  # giving one up may take others along
                self.send_tensor(hop, send)
        self._judge()

    def on_down(self, link: Link, reason: str) -> None:
        """A link is down."""
        if link.welcome is not None:
            _LOG.info("link to %s is down: %s", link.welcome.hop.node, reason)
            self._lose(link, link.welcome.hop)
        self._judge()

    def _lose(self, link: Link, hop: Hop) -> None:
        """Forget a link's stream; another link to the same node, found otherwise, goes on."""
        del self._up[link]
        others = [s for up, s in self._up.items() if up.welcome and up.welcome.hop == hop]
        if others:
            self._streams[hop] = others[-1]
        else:
            del self._streams[hop], self._stages[hop]

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """Nothing flows against a link's direction."""
        _LOG.warning("%s sends tensor %d against the link's direction", stream.peer, chunk.tensor)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Nothing needs to be said against a link's direction yet."""
        _LOG.debug("%s says %s", stream.peer, control)

    def _judge(self) -> None:
        if self._wanted <= frozenset[StageName]().union(*self._stages.values()):
            self.linked.set()
        else:
            self.linked.clear()

    # End -------------------------------------------------------------------------------------

    async def close(self, reason: str) -> None:
        """Say goodbye on every link and end them; may be called twice."""
        await self._links.close(reason)
        for sends in self._waiting.values():
            for send in sends:
                send.done(False)
        self._waiting.clear()

    def statistics(self) -> tuple[LinkStatus, ...]:
        """Every link."""
        return self._links.statistics()
