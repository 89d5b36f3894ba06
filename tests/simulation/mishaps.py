"""What goes wrong in a run, made to happen: each fault begins, lasts, and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgechain.spec.ids import Generation
from edgechain.spec.status import GenerationState
from tests.simulation.client import SimClient
from tests.simulation.node import SimNode
from tests.simulation.scenario import Fault, Mishap

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

BURST = 60
"""Requests of one client at once."""

LIVES = 4
LIFE_SECONDS = 0.08
"""A client that crashes as soon as it has asked its first questions, and is started again."""


class Havoc:
    """Puts a scenario's mishaps on the clock of its simulation."""

    def __init__(self, simulation: Simulation):
        self.simulation = simulation
        self.world = simulation.world
        self.network = simulation.network
        self._doings: dict[Fault, Callable[[Mishap], None]] = {
            Fault.KILL: self._kill,
            Fault.POWER: self._kill,
            Fault.STOP: self._stop,
            Fault.CUT: self._cut,
            Fault.CUT_ONE_WAY: self._cut,
            Fault.ISOLATE: self._isolate,
            Fault.SLOW: self._slow,
            Fault.SWAP: self._swap,
            Fault.SWAP_BACK: self._swap,
            Fault.DRAIN: self._drain,
            Fault.CLIENT_LEAVES: self._client_leaves,
            Fault.CLIENT_DIES: self._client_leaves,
            Fault.CLIENT_COMES: self._client_comes,
            Fault.CLIENT_STOPS: self._client_stops,
            Fault.CLIENT_RESTARTS: self._client_restarts,
            Fault.CLIENT_LOOPS: self._client_loops,
            Fault.BURST: self._burst,
            Fault.CANCEL: self._cancel,
        }

    def schedule(self) -> None:
        """All of them, at their time."""
        for mishap in self.simulation.plan.mishaps:
            self.world.at(mishap.at, None, None, self._happen, mishap)

    def _happen(self, mishap: Mishap) -> None:
        self.world.say("MISHAP", mishap.fault, f"{mishap.seconds:.3f} s")
        self._doings[mishap.fault](mishap)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self.world.at(seconds, None, None, call)

    def _node(self, mishap: Mishap) -> SimNode:
        names = self.simulation.names
        return self.simulation.nodes[names[mishap.pick % len(names)]]

    # Nodes -----------------------------------------------------------------------------------

    def _kill(self, mishap: Mishap) -> None:
        node = self._node(mishap)
        power = mishap.fault is Fault.POWER
        if power:
            self.network.dark.add(node.here.node)
        node.kill(power=power)
        self._later(mishap.seconds, lambda: self.simulation.start_node(node.here.node))

    def _stop(self, mishap: Mishap) -> None:
        process = self._node(mishap).process
        if process.alive and not process.stopped:
            self.network.stop(process)
            self._later(mishap.seconds, process.go_on)

    def _slow(self, mishap: Mishap) -> None:
        actors = [a for g in self._node(mishap).generations.values() for a in g.actors.values()]

        def set_all(slowness: float) -> None:
            for actor in actors:
                actor.slowness = slowness

        set_all(20.0 if mishap.pick & 1 else 200.0)
        self._later(mishap.seconds, lambda: set_all(1.0))

    def _drain(self, mishap: Mishap) -> None:
        node = self._node(mishap)
        node.drain()
        self._restart_after(node, mishap.seconds)

    def _restart_after(self, node: SimNode, seconds: float) -> None:
        if node.process.alive:
            self._later(0.1, lambda: self._restart_after(node, seconds))
        else:
            self._later(seconds, lambda: self.simulation.start_node(node.here.node))

    # The network -----------------------------------------------------------------------------

    def _cut(self, mishap: Mishap) -> None:
        machines = [*self.simulation.names, *(c.name for c in self.simulation.present)]
        here = self.simulation.names[mishap.pick % len(self.simulation.names)]
        there = machines[(mishap.pick >> 8) % len(machines)]
        if here == there:
            return
        both = mishap.fault is Fault.CUT
        swapped = mishap.pick >> 16 & 1
        ways = [(here, there), (there, here)] if both or not swapped else [(there, here)]
        self._sever(ways if both else ways[:1], mishap.seconds)

    def _isolate(self, mishap: Mishap) -> None:
        here = self._node(mishap).here.node
        machines = [*self.simulation.names, *(c.name for c in self.simulation.present)]
        others = [machine for machine in machines if machine != here]
        ways = [way for other in others for way in ((here, other), (other, here))]
        self._sever(ways, mishap.seconds)

    def _sever(self, ways: list[tuple[str, str]], seconds: float) -> None:
        for way in ways:
            self.network.sever(*way)

        def heal() -> None:
            for way in ways:
                self.network.heal(*way)

        self._later(seconds, heal)

    # Generations -----------------------------------------------------------------------------

    def _swap(self, mishap: Mishap) -> None:
        """Prepare a generation everywhere, then make it the current one where it is ready."""
        simulation = self.simulation
        known = list(simulation.known)
        back = mishap.fault is Fault.SWAP_BACK and len(known) > 1
        generation = known[mishap.pick % len(known)] if back else simulation.new_generation()
        if generation == simulation.generation:
            return
        for node in simulation.nodes.values():
            node.process.call_later(0.0, node.want, simulation.generation, generation)
        self._later(1.5, lambda: self._commit(generation))

    def _commit(self, generation: Generation) -> None:
        """Where every node is ready the new one serves; else every node goes back."""
        simulation = self.simulation
        nodes = [node for node in simulation.nodes.values() if node.process.alive]
        if all(node.state(generation) is GenerationState.READY for node in nodes):
            simulation.generation = generation
        for node in nodes:
            node.process.call_later(0.0, node.want, simulation.generation, None)

    # Clients ---------------------------------------------------------------------------------

    def _client_leaves(self, mishap: Mishap) -> None:
        present = self.simulation.present
        if not present:
            return
        client = present[mishap.pick % len(present)]
        if mishap.fault is Fault.CLIENT_DIES or client.process.stopped:
            client.kill()
        else:
            client.close()

    def _client_comes(self, mishap: Mishap) -> None:
        if len(self.simulation.present) < max(2, self.simulation.plan.slots):
            self.simulation.add_client()

    def _client_stops(self, mishap: Mishap) -> None:
        present = self.simulation.present
        if present:
            process = present[mishap.pick % len(present)].process
            self.network.stop(process)
            self._later(mishap.seconds, process.go_on)

    def _client_restarts(self, mishap: Mishap) -> None:
        """It dies unnoticed, and asks again under its old name in a new session."""
        present = self.simulation.present
        if present:
            client = present[mishap.pick % len(present)]
            client.kill(power=bool(mishap.pick >> 8 & 1))
            self._later(mishap.seconds, lambda: self._come_again(client))

    def _come_again(self, client: SimClient) -> None:
        if not self.simulation.whole:
            self.simulation.add_client(type(client), client.id)

    def _client_loops(self, mishap: Mishap) -> None:
        present = self.simulation.present
        if present:
            self._live_again(present[mishap.pick % len(present)], mishap, LIVES)

    def _live_again(self, client: SimClient, mishap: Mishap, lives: int) -> None:
        client.kill(power=bool(mishap.pick >> 8 & 1))
        if self.simulation.whole:
            return
        again = self.simulation.add_client(type(client), client.id)
        for _ in range(LIVES):
            again.submit(max(self.simulation.plan.budgets))
        if lives:
            self._later(LIFE_SECONDS, lambda: self._live_again(again, mishap, lives - 1))

    def _burst(self, mishap: Mishap) -> None:
        for _ in range(BURST):
            self.simulation.submit()

    def _cancel(self, mishap: Mishap) -> None:
        """Callers take back what they asked last."""
        for client in self.simulation.present:
            if client.process.stopped:
                continue
            for request in list(client.submitter._open.values())[-5:]:
                client.submitter.cancel(request)
