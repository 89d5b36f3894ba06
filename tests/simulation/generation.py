"""One generation on one node: the real ``Exchange``, ``PeerLinks`` and ``ClientSessions``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, cast

from edgechain.discovery.peers import PeerTable
from edgechain.node.clients import ClientSessions
from edgechain.node.exchange import Exchange
from edgechain.node.peers import PeerLinks
from edgechain.runtime.layout import lay_out
from edgechain.spec.ids import Generation, StageName
from edgechain.spec.message import Hello, Hop, Role, Welcome
from edgechain.spec.status import GenerationState
from tests.node.doubles import Inflow
from tests.simulation.actor import SimActor, Trouble
from tests.simulation.graphs import Graph
from tests.simulation.link import SimLinks
from tests.simulation.network import Network
from tests.simulation.stream import SimStream
from tests.simulation.world import Process

if TYPE_CHECKING:
    from edgechain.transport.links import Links
    from edgechain.transport.stream import PeerStream

LINGER_SECONDS = 1.0
RETIRE_SECONDS = 25.0
DRAIN_SECONDS = 5.0
GOODBYE_SECONDS = 0.5
"""As ``node.generation`` has them."""

LOOK_SECONDS = 0.05


class SlotMemory:
    """A node's slots for one generation, laid out as the real ones."""

    def __init__(self, graph: Graph, stages: tuple[StageName, ...], slots: int):
        self._layout = lay_out(graph.manifest, frozenset(stages))
        self._view = memoryview(bytearray(self._layout.slot_bytes * slots))

    def region(self, slot: int, tensor: int, size: int) -> memoryview:
        """``size`` bytes of a tensor in a slot."""
        start = self._layout.start(slot, tensor)
        return self._view[start : start + size]


class SimGeneration:
    """One generation that a node holds: an exchange of its own, and everything around it."""

    def __init__(
        self,
        network: Network,
        here: Hop,
        process: Process,
        workers: Process,
        slots: int,
        trouble: Trouble,
        graph: Graph,
        stages: tuple[StageName, ...],
        state: GenerationState,
    ):
        self.graph = graph
        self.stages = stages
        self.state_set = state
        self._here = here
        self._process = process
        memory = SlotMemory(graph, stages, slots)
        self.actors = {
            stage: SimActor(graph, stage, slots, memory, process, workers, trouble, self._report)
            for stage in stages
        }
        hello = Hello(Role.NODE, here.node, "sim", "sim", graph.generation)
        takers = self._takers()
        table = PeerTable("sim")
        wanted = takers - set(stages)
        self.peers = PeerLinks(hello, wanted, table, process, takers=takers)
        self.links = SimLinks(network, process, hello, self.peers)
        self.peers._links = cast("Links", self.links)
        self.sessions = ClientSessions()
        self.exchange = Exchange(
            graph.manifest,
            here,
            slots,
            actors=self.actors,
            memory=memory,
            peers=self.peers,
            clients=self.sessions,
            clock=process,
        )
        self.sessions.attach(self.exchange)
        self._streams: dict[SimStream, Served] = {}

    def _report(self, *told: Any) -> None:
        self.exchange.report(*told)

    def _takers(self) -> set[StageName]:
        """The stages that take what ours give."""
        edges = self.graph.manifest.edges
        return {target for edge in edges if edge.source in self.stages for target in edge.targets}

    def reach(self, machines: Iterable[str]) -> None:
        """Link to the nodes that are said to run this generation."""
        for machine in machines:
            self.peers.add_static(machine)

    @property
    def state(self) -> GenerationState:
        """Where it is in its life."""
        if self.state_set is GenerationState.LOADING and self.peers.linked.is_set():
            return GenerationState.READY
        return self.state_set

    def sweep(self) -> None:
        """What happens many times a second."""
        self.exchange.expire()
        self.peers.expire()

    # Streams ---------------------------------------------------------------------------------

    def serve(self, stream: SimStream, hello: Hello) -> None:
        """Own an accepted stream to its end, as the daemon's coroutine does."""
        stream.send(Welcome(self._here, "sim", "sim", self.graph.generation, self.stages))
        served = Served(self._serve(cast("PeerStream", stream), hello), stream, self._over)
        self._streams[stream] = served
        served.begin()

    async def _serve(self, stream: PeerStream, hello: Hello) -> None:
        if hello.role is Role.CLIENT:
            await self.sessions.serve(stream, hello)
        else:
            await stream.run(Inflow(self.exchange))

    def _over(self, stream: SimStream) -> None:
        del self._streams[stream]

    # End -------------------------------------------------------------------------------------

    def retire(self, successor: Generation, end: Callable[[SimGeneration], None]) -> None:
        """Send clients to the one that serves now, and end when they and their work are gone."""
        self.state_set = GenerationState.RETIRING
        self.sessions.supersede(successor)
        latest = self._process.now() + LINGER_SECONDS + RETIRE_SECONDS
        self._process.call_later(LINGER_SECONDS, self._retire_when_vacant, latest, end)

    def _retire_when_vacant(self, latest: float, end: Callable[[SimGeneration], None]) -> None:
        now = self._process.now()
        if not self.sessions.vacant.is_set() and now < latest:
            self._process.call_later(LOOK_SECONDS, self._retire_when_vacant, latest, end)
            return
        self.exchange.drain()
        self._end_when_idle(now + DRAIN_SECONDS, end)

    def _end_when_idle(self, latest: float, end: Callable[[SimGeneration], None]) -> None:
        if not self.exchange.idle and self._process.now() < latest:
            self._process.call_later(LOOK_SECONDS, self._end_when_idle, latest, end)
            return
        end(self)

    def close(self) -> None:
        """Say goodbye everywhere; what is not over soon is cut off."""
        self.state_set = GenerationState.ENDING
        for link in self.links.all:
            link.close("it ends")
        for stream in tuple(self._streams):
            stream.close("it ends")
        self._process.call_later(GOODBYE_SECONDS, self._cut_off)

    def _cut_off(self) -> None:
        for stream in tuple(self._streams):
            stream.abort()


class Served:
    """Goes on by hand with the coroutine that owns an inbound stream."""

    def __init__(
        self,
        coroutine: Coroutine[None, str | None, None],
        stream: SimStream,
        over: Callable[[SimStream], None],
    ):
        self._coroutine = coroutine
        self._stream = stream
        self._over = over
        stream.serving = self._go_on

    def begin(self) -> None:
        """To where it waits for the stream's end."""
        self._go_on(None)

    def _go_on(self, reason: str | None) -> None:
        try:
            self._coroutine.send(reason)
        except StopIteration:
            self._stream.serving = None
            self._over(self._stream)
            self._stream.hang_up()
