"""A client around the real ``Submitter`` and ``Fleet``, following its chain like the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import numpy as np

from edgechain.client.fleet import Fleet
from edgechain.client.results import Result
from edgechain.client.routes import RouteTable
from edgechain.client.submit import Submitter
from edgechain.discovery.peers import PeerTable
from edgechain.errors import Cancelled, RequestError
from edgechain.spec.ids import ClientId, Generation
from edgechain.spec.message import Control, Failure, FailureKind, Hello, Hop, Role, TensorSend
from tests.simulation.graphs import Graph, Known
from tests.simulation.ledger import Entry, Ledger, Must
from tests.simulation.link import SimLinks
from tests.simulation.network import Network
from tests.simulation.world import Process

if TYPE_CHECKING:
    from edgechain.transport.links import Links
    from edgechain.transport.stream import PeerStream

ASK_SECONDS = 0.01
"""To get a generation's manifest from a node."""

LOOK_SECONDS = 1.0
"""How often a chain that is not whole is looked for anew."""


class SimFleet(Fleet):
    """The real fleet on links in virtual time; every input it sends is written down."""

    def __init__(self, client: SimClient, graph: Graph, hello: Hello):
        super().__init__(hello, graph.manifest, PeerTable("sim"), client.process)
        self.client = client
        self.graph = graph
        self.links = SimLinks(client.network, client.process, hello, self)
        self._links = cast("Links", self.links)

    def reach(self) -> None:
        """Link to every machine that may run it."""
        for machine in self.client.machines:
            self.add(machine, machine)

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send an input to a node."""
        self.client.ledger.sent(hop, send)
        super().send_tensor(hop, send)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Whatever a node says."""
        if isinstance(control, Failure):
            self.client.judge(control)
        super().on_control(stream, control)

    def leave(self) -> None:
        """Say goodbye everywhere."""
        with suppress(StopIteration):
            self.close().send(None)


class SimClient:
    """One client's life: it submits, hears, follows the chain's generations, and leaves."""

    def __init__(
        self,
        network: Network,
        name: str,
        ledger: Ledger,
        known: Known,
        generation: Generation,
        machines: list[str],
        want: int,
        client: ClientId,
    ):
        self.network = network
        self.random = network.world.random
        self.name = name
        self.process = Process(network.world, name)
        self.ledger = ledger
        self.want = want
        self.id = client
        self.machines = machines
        self.closed = False
        self._known = known
        self.fleet = self._new_fleet(generation)
        self.fleets = [self.fleet]
        self._next: SimFleet | None = None
        self._asked_for: Generation | None = None
        self._announced = False
        self.submitter = Submitter(self.fleet.session, clock=self.process, timers=self.process)
        self.fleet.attach(self.submitter, self)
        self.fleet.reach()
        self.process.call_later(LOOK_SECONDS, self._look)

    def _new_fleet(self, generation: Generation) -> SimFleet:
        hello = Hello(
            Role.CLIENT,
            self.name,
            "sim",
            "sim",
            generation,
            self.id,
            self.random.getrandbits(63),
            self.want,
        )
        return self._fleet_of(self._known[generation][0], hello)

    def _fleet_of(self, graph: Graph, hello: Hello) -> SimFleet:
        return SimFleet(self, graph, hello)

    # The caller ------------------------------------------------------------------------------

    def submit(
        self,
        budget: float,
        *,
        newest: bool = False,
        must: Must = Must.EITHER,
        deadly: Callable[[Entry], None] = lambda entry: None,
    ) -> Entry:
        """One request with an input like no other."""
        manifest = self.submitter.session.manifest
        specs = {manifest.edges[e].tensor.name: e for e in manifest.input_edges}
        fed = {
            name: self.random.randbytes(manifest.edges[e].tensor.max_bytes)
            for name, e in specs.items()
        }
        entry = self.ledger.open(self.name, self.process, fed, budget)
        entry.newest, entry.must = newest, must
        deadly(entry)
        values = {specs[name]: np.frombuffer(data, np.uint8) for name, data in fed.items()}
        self.network.world.say("opens", entry, f"{budget:.3f}")

        def on_end(outcome: Result | RequestError) -> None:
            self.ledger.end(entry, outcome)

        self.submitter.open(values, budget, on_end, newest=newest)
        return entry

    def judge(self, failure: Failure) -> None:
        """A client that keeps to its leases is never refused a slot on an honest network."""
        if failure.kind is FailureKind.OVERLOADED and self.network.always_honest:
            self.ledger.violation(f"{self.name} keeps its leases and hears: {failure.reason}")

    # Generations -----------------------------------------------------------------------------

    def on_superseded(self, fleet: Fleet, generation: str, address: str) -> None:
        """A node serves another generation now."""
        if fleet not in (self.fleet, self._next) or generation == self._asked_for:
            return
        if generation == self.fleet.generation:
            self._drop_next()
        elif self._next is None or generation != self._next.generation:
            self._drop_next()
            self._announced = True
            self._asked_for = Generation(generation)
            self.process.call_later(ASK_SECONDS, self._prepare, Generation(generation))

    def _prepare(self, generation: Generation) -> None:
        if self.closed or generation != self._asked_for:
            return
        self._asked_for = None
        self._next = fleet = self._new_fleet(generation)
        self.fleets.append(fleet)
        fleet.attach(self.submitter, self)
        fleet.reach()

    def on_complete(self, fleet: Fleet) -> None:
        """Every stage of a generation has a node that leases us slots."""
        if fleet is self._next:
            former, self.fleet, self._next = self.fleet, self._next, None
            self._announced = False
            self.network.world.say("adopts", self.name, self.fleet.generation[:6])
            self.submitter.adopt(self.fleet.session, former.leave)
        elif fleet is self.fleet and not self._announced:
            self._drop_next()

    def _drop_next(self) -> None:
        fleet, self._next = self._next, None
        self._asked_for, self._announced = None, False
        if fleet is not None:
            fleet.leave()

    def _look(self) -> None:
        """A chain that is not whole may run another generation by now."""
        if self.closed:
            return
        self.process.call_later(LOOK_SECONDS, self._look)
        if self.fleet.complete.is_set() or self._asked_for is not None:
            return
        self.fleet.reach()
        for machine in self.machines:
            current = getattr(self.network.listener(machine), "current", None)
            if current not in (None, self.fleet.generation) and self._next is None:
                self._asked_for = current
                self.process.call_later(ASK_SECONDS, self._prepare, current)
                return

    # Ends ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave: what is open ends as cancelled, and the nodes hear goodbye."""
        if self.closed:
            return
        self.closed = True
        self.submitter.close(Cancelled("the client leaves"))
        for fleet in self.fleets:
            fleet.leave()
        self.process.call_later(0.3, self.kill)

    def kill(self, *, power: bool = False) -> None:
        """The process ends now; without power nobody is told."""
        self.closed = True
        if self.process.alive:
            self.network.kill(self.process, power=power)


class _LyingRoutes(RouteTable):
    """Takes more slots than it was leased."""

    def set_lease(self, hop: Hop, slots: int, number: int) -> None:
        super().set_lease(hop, 2 * slots + 4, number)


class SimLiar(SimClient):
    """A client that does not keep to its leases; what it suffers is its own fault."""

    def _fleet_of(self, graph: Graph, hello: Hello) -> SimFleet:
        fleet = super()._fleet_of(graph, hello)
        fleet.session.routes = _LyingRoutes(graph.manifest.stage)
        return fleet

    def judge(self, failure: Failure) -> None:
        """It is refused what it was not leased."""
