"""A node's life in virtual time: its port, and the generations the real ``reconcile`` wants."""

from __future__ import annotations

from edgechain.node.reconcile import Drop, Load, Promote, reconcile
from edgechain.spec.ids import Generation, Incarnation, NodeName
from edgechain.spec.message import Hello, Hop, RefusalKind, Refused, Role
from edgechain.spec.status import GenerationState
from tests.simulation.actor import Trouble
from tests.simulation.generation import SimGeneration
from tests.simulation.graphs import Known
from tests.simulation.network import Network
from tests.simulation.stream import SimStream
from tests.simulation.world import Process

SWEEP_SECONDS = 0.1
DRAIN_SECONDS = 5.0
GOODBYE_SECONDS = 0.3
LOAD_SECONDS = (0.05, 0.6)


class SimNode:
    """One life of one node: accepts streams for the generations it holds."""

    def __init__(
        self,
        network: Network,
        name: NodeName,
        life: int,
        slots: int,
        trouble: Trouble,
        known: Known,
    ) -> None:
        self.network = network
        self.random = network.world.random
        self.process = Process(network.world, name)
        self.workers = Process(network.world, name)
        self.here = Hop(name, Incarnation(life))
        self.slots = slots
        self.trouble = trouble
        self.draining = False
        self.generations: dict[Generation, SimGeneration] = {}
        self._known = known
        self._loading: set[Generation] = set()
        self._wanted: tuple[Generation, Generation | None] | None = None
        network.listeners[name] = self

    # Life ------------------------------------------------------------------------------------

    def start(self, generation: Generation) -> None:
        """Run a first generation, which serves from its first moment on."""
        self._wanted = (generation, None)
        self._add(generation, GenerationState.CURRENT)
        self.process.call_later(self.random.uniform(0, SWEEP_SECONDS), self._sweep)

    def _sweep(self) -> None:
        for generation in tuple(self.generations.values()):
            generation.sweep()
        self._reconcile()
        self.process.call_later(SWEEP_SECONDS, self._sweep)

    def drain(self) -> None:
        """SIGTERM: end what has begun, say goodbye, exit."""
        if self.draining:
            return
        self.draining = True
        self.network.world.say("drains", self)
        for generation in tuple(self.generations.values()):
            generation.exchange.drain()
        self._exit_when_idle(self.process.now() + DRAIN_SECONDS)

    def _exit_when_idle(self, deadline: float) -> None:
        idle = all(generation.exchange.idle for generation in self.generations.values())
        if not idle and self.process.now() < deadline:
            self.process.call_later(0.01, self._exit_when_idle, deadline)
            return
        for generation in self.generations.values():
            generation.close()
        self.process.call_later(GOODBYE_SECONDS, self.exit)

    def exit(self) -> None:
        """The process ends by itself."""
        self.kill(power=False)

    def kill(self, *, power: bool) -> None:
        """The process ends now."""
        if self.process.alive:
            self.network.world.say("dies", self, "power" if power else "killed")
            self.workers.die()
            self.network.kill(self.process, power=power)

    def recover(self) -> None:
        """Whatever was done to it is over."""
        self.process.go_on()
        for generation in self.generations.values():
            for actor in generation.actors.values():
                actor.slowness = 1.0

    # Generations -----------------------------------------------------------------------------

    def want(self, current: Generation, beside: Generation | None) -> None:
        """Let ``current`` serve and ``beside`` be ready, as soon as can be."""
        self._wanted = (current, beside)
        self._reconcile()

    def state(self, generation: Generation) -> GenerationState | None:
        """Where a generation is in its life here, if it is here."""
        if generation in self._loading:
            return GenerationState.LOADING
        running = self.generations.get(generation)
        return running.state if running is not None else None

    def _reconcile(self) -> None:
        if self._wanted is None or self.draining:
            return
        held = [*self.generations, *self._loading]
        states = {generation: self.state(generation) for generation in held}
        for action in reconcile(*self._wanted, {g: s for g, s in states.items() if s is not None}):
            match action:
                case Load(generation):
                    self._loading.add(generation)
                    seconds = self.random.uniform(*LOAD_SECONDS)
                    self.process.call_later(seconds, self._loaded, generation)
                case Promote(generation):
                    self._promote(generation)
                case Drop(generation):
                    self._loading.discard(generation)
                    if generation in self.generations:
                        self.end(self.generations[generation])

    def _loaded(self, generation: Generation) -> None:
        if generation in self._loading:
            self._loading.discard(generation)
            self._add(generation, GenerationState.LOADING)

    def _add(self, generation: Generation, state: GenerationState) -> None:
        graph, placement = self._known[generation]
        made = SimGeneration(
            self.network,
            self.here,
            self.process,
            self.workers,
            self.slots,
            self.trouble,
            graph,
            placement[self.here.node],
            state,
        )
        self.generations[generation] = made
        made.reach(name for name in placement if name != self.here.node)

    def _promote(self, generation: Generation) -> None:
        self.network.world.say("promotes", self, generation[:6])
        former = self.generations.get(self.current) if self.current else None
        self.generations[generation].state_set = GenerationState.CURRENT
        if former is not None:
            former.retire(generation, self.end)

    @property
    def current(self) -> Generation | None:
        """The generation that serves."""
        for generation, running in self.generations.items():
            if running.state is GenerationState.CURRENT:
                return generation
        return None

    def end(self, running: SimGeneration) -> None:
        """A generation's last act here."""
        self.network.world.say("ends generation", self, running.graph.generation[:6])
        if self.generations.get(running.graph.generation) is running:
            del self.generations[running.graph.generation]
        running.close()
        self._reconcile()

    # Streams ---------------------------------------------------------------------------------

    def accept(self, stream: SimStream, hello: Hello) -> None:
        """Somebody said Hello."""
        running = self.generations.get(hello.generation) if hello.generation else None
        if hello.role is Role.CLIENT and self.draining:
            self._refuse(stream, RefusalKind.DRAINING)
        elif running is None:
            self._refuse(stream, RefusalKind.GENERATION)
        else:
            running.serve(stream, hello)

    def _refuse(self, stream: SimStream, kind: RefusalKind) -> None:
        stream.send(Refused(kind, "no"))
        stream.hang_up()

    def __str__(self) -> str:
        return f"{self.here.node}.{self.here.incarnation % 1000}"
