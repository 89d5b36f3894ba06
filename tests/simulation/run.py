"""One seed from its first event to the last account."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from edgechain.client.results import Result
from edgechain.spec.ids import ClientId, Generation
from tests.simulation.actor import Trouble
from tests.simulation.audit import audit_at_rest, audit_bounds
from tests.simulation.client import SimClient, SimLiar
from tests.simulation.graphs import Known, place, random_graph
from tests.simulation.ledger import Entry, Ledger, Must
from tests.simulation.mishaps import Havoc
from tests.simulation.network import Hostility, Network
from tests.simulation.node import SimNode
from tests.simulation.scenario import Kind, Scenario, scenario
from tests.simulation.world import World

START_SECONDS = 0.5
"""Nodes link up and clients get their leases; requests begin within it."""

SETTLE_SECONDS = 4.0
"""After everything is whole again: what was lost is noticed, said again and given back."""

REST_SECONDS = 20.0
"""A stage that was slowed down runs for six seconds, and is only then asked to forget."""

PROBE_SECONDS = 30.0
AUDIT_SECONDS = 0.25


@dataclass
class Outcome:
    """What one seed came to."""

    seed: int
    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    attempts: int = 0
    events: int = 0
    before: list[str] = field(default_factory=list)
    """The last events before the first violation."""


class Simulation:
    """A chain under everything that its scenario has in store."""

    def __init__(self, plan: Scenario, echo: Callable[[str], None] | None = None):
        self.plan = plan
        self.world = World(plan.seed, echo)
        self.random = self.world.random
        h = plan.hostility
        hostility = Hostility(h.loss, h.double, h.late, h.late_seconds)
        self.network = Network(self.world, hostility, plan.slowest, plan.chunk_bytes)
        self.ledger = Ledger(self.world)
        self.trouble = Trouble(plan.lost, plan.hung, wrong=self.ledger.violation)
        self.known: Known = {}
        self.names = [f"node{number}" for number in range(plan.nodes)]
        self.generation = self.new_generation()
        self.nodes: dict[str, SimNode] = {}
        self.lives: list[SimNode] = []
        self.clients: list[SimClient] = []
        self.whole = False
        """Whether everything that goes wrong has gone wrong."""

    # Making ----------------------------------------------------------------------------------

    def new_generation(self) -> Generation:
        """Cut the chain anew: other stages elsewhere, mostly with the same inputs."""
        plan, random = self.plan, self.random
        like = next(iter(self.known.values()))[0] if self.known else None
        if random.random() < 0.1 and plan.kind is Kind.ROUGH:
            like = None  # requests under way can not be asked of it
        stages = plan.stages if not self.known else random.randint(1, 6)
        graph = random_graph(random, stages=stages, like=like)
        self.known[graph.generation] = (graph, place(random, graph, self.names, plan.replicas))
        self.ledger.graphs[graph.generation] = graph
        return graph.generation

    def start_node(self, name: str) -> None:
        """A new life of a node."""
        if name in self.nodes and self.nodes[name].process.alive:
            return
        self.network.dark.discard(name)
        life = self.random.getrandbits(63)
        node = SimNode(self.network, name, life, self.plan.slots, self.trouble, self.known)
        self.nodes[name] = node
        self.lives.append(node)
        node.start(self.generation)

    def add_client(
        self, kind: type[SimClient] = SimClient, client: ClientId | None = None
    ) -> SimClient:
        """A client comes, or comes again after its process died."""
        made = kind(
            self.network,
            f"client{len(self.clients)}",
            self.ledger,
            self.known,
            self.generation,
            self.names,
            self.plan.want,
            client or self._client_id(),
        )
        self.clients.append(made)
        return made

    def _client_id(self) -> ClientId:
        if self.plan.twins and self.clients:
            return self.clients[0].id
        return ClientId(f"{self.random.getrandbits(128):032x}")

    @property
    def present(self) -> list[SimClient]:
        """Clients that are there."""
        return [client for client in self.clients if not client.closed]

    # Running ---------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Everything, to the end."""
        for name in self.names:
            self.start_node(name)
        for _ in range(self.plan.clients):
            self.add_client()
        for _ in range(self.plan.liars):
            self.add_client(SimLiar)
        self._schedule_requests()
        Havoc(self).schedule()
        self._audit_again()
        end = START_SECONDS + self.plan.seconds
        self.world.run(end)
        self._make_whole()
        self._wait_for_ends(max(self.plan.budgets) + 1.0)
        self._probe()
        self._part()
        self.ledger.close()
        return self.outcome()

    def _schedule_requests(self) -> None:
        when = 0.0
        for _ in range(self.plan.requests):
            when = self.random.uniform(0.0, self.plan.seconds)
            self.world.at(START_SECONDS * (when > 0.5) + when, None, None, self.submit)

    def submit(self) -> None:
        """One request of whichever client is there."""
        present = [client for client in self.present if not client.process.stopped]
        if not present:
            return
        plan, random = self.plan, self.random
        chance = random.random()
        must, mark = Must.EITHER, _nothing
        if chance < plan.deadly:
            must, mark = Must.FAIL, self._make_deadly
        elif chance < plan.deadly + plan.broken:
            must, mark = Must.FAIL, self._make_broken
        client, newest = random.choice(present), random.random() < plan.newest
        if plan.kind is not Kind.ROUGH and not newest and not isinstance(client, SimLiar):
            must = Must.RESULT
        client.submit(random.choice(plan.budgets), newest=newest, must=must, deadly=mark)

    def _make_deadly(self, entry: Entry) -> None:
        self.trouble.deadly.update(entry.fed.values())

    def _make_broken(self, entry: Entry) -> None:
        self.trouble.broken.update(entry.fed.values())

    def _audit_again(self) -> None:
        audit_bounds(self)
        self.world.at(AUDIT_SECONDS, None, None, self._audit_again)

    def _make_whole(self) -> None:
        """From now on nothing goes wrong any more, and everything is there again."""
        self.whole = True
        self.world.say("whole again")
        self.network.calm()
        self.trouble.calm()
        for node in self.nodes.values():
            node.recover()
        for client in self.clients:
            client.process.go_on()
        for name in self.names:
            self.start_node(name)
        self._admit_whom_slots_allow()

    def _admit_whom_slots_allow(self) -> None:
        """Only honest clients, at least one, and no more than nodes take: one for each slot."""
        for client in self.present:
            if isinstance(client, SimLiar):
                client.close()
        if not self.present:
            self.add_client()
        for surplus in self.present[self.plan.slots :]:
            surplus.close()

    def _probe(self) -> None:
        """The chain serves again, as if nothing had been: more than it has slots, all answered."""
        for name in self.names:
            self.start_node(name)  # those that were draining
        self.world.run(self.world.now() + SETTLE_SECONDS)
        for client in self.present:
            if not client.fleet.complete.is_set():
                self.ledger.violation(f"{client.name} is not served when all is whole again")
        probes = [
            client.submit(PROBE_SECONDS, must=Must.RESULT)
            for client in self.present
            for _ in range(2 * self.plan.slots + 2)
        ]
        self._wait_for_ends(PROBE_SECONDS + 1.0)
        self.world.run(self.world.now() + SETTLE_SECONDS)
        for probe in probes:
            if not isinstance(probe.outcome, Result):
                self.ledger.violation(f"{probe} is asked when all is whole, and has no result")
        self._come_to_rest()

    def _come_to_rest(self) -> None:
        """What runs for nobody may still run for a while; then everything has come back."""
        latest = self.world.now() + REST_SECONDS
        problems = audit_at_rest(self)
        while problems and self.world.now() < latest:
            self.world.run(self.world.now() + 1.0)
            problems = audit_at_rest(self)
        for problem in problems:
            self.ledger.violation(problem)

    def _wait_for_ends(self, seconds: float) -> None:
        """Until every request has ended, or ought to have."""
        latest = self.world.now() + seconds
        while self.world.now() < latest and self.ledger.under_way:
            self.world.run(min(latest, self.world.now() + 0.5))

    def _part(self) -> None:
        """One client leaves and all others get its slots; then all leave."""
        leaving = self.present
        for client in (leaving[:1], leaving[1:]):
            for one in client:
                one.close()
            self.world.run(self.world.now() + SETTLE_SECONDS)
            self._come_to_rest()

    def outcome(self) -> Outcome:
        """What it came to so far."""
        entries = self.ledger.entries
        return Outcome(
            self.plan.seed,
            self.ledger.violations,
            self.ledger.counts(),
            len(entries),
            sum(len(entry.keys) for entry in entries),
            self.world.events,
            self.ledger.before,
        )


def _nothing(entry: Entry) -> None:
    pass


def run_seed(seed: int, echo: Callable[[str], None] | None = None) -> Outcome:
    """One seed."""
    return run_scenario(scenario(seed), echo)


def run_scenario(plan: Scenario, echo: Callable[[str], None] | None = None) -> Outcome:
    """One scenario. What our code raises is a violation too."""
    logging.disable(logging.CRITICAL)
    simulation = Simulation(plan, echo)
    try:
        return simulation.run()
    except Exception as error:  # a mistake in a class under test ends the process in real life
        simulation.ledger.violation(f"{type(error).__name__}: {error}")
        if echo is not None:
            raise
        return simulation.outcome()
    finally:
        logging.disable(logging.NOTSET)
