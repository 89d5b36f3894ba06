"""Does anything wait for ever? Random chains under load and loss, ours and with bounded edges.

Ours is *stuck* when a request does not end, when after the last loss a slot does not come back,
or when the chain does not answer everything it is asked then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from tests.simulation.edges import EdgeBuffers
from tests.simulation.graphs import random_graph
from tests.simulation.many import on_every_core
from tests.simulation.network import Hostility
from tests.simulation.run import Outcome, run_scenario
from tests.simulation.scenario import Kind, Scenario

SLOTS = (1, 2, 4, 8)
REPLICAS = (1, 2, 3)
LOSS = 0.01
REQUESTS = 40
SECONDS = 0.5
"""The requests come within it: more than any of these chains has slots for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One graph with so many slots a node, or places a buffer, and so many replicas."""

    number: int
    slots: int
    replicas: int
    loss: float


def cases(graphs: int, slots: Iterable[int] = SLOTS, loss: float = LOSS) -> list[Case]:
    """Every graph with every number of slots; replicas in turns."""
    return [
        Case(number, some, REPLICAS[number % len(REPLICAS)], loss)
        for number in range(graphs)
        for some in slots
    ]


def ours(some: list[Case]) -> Iterator[Outcome]:
    """The real classes."""
    return on_every_core(_ours, some)


def bounded_edges(some: list[Case]) -> Iterator[int]:
    """The control: how many requests are stuck in each case."""
    return on_every_core(_bounded_edges, some)


def _ours(case: Case) -> Outcome:
    return run_scenario(_scenario(case))


def _scenario(case: Case) -> Scenario:
    random = Random(f"deadlock {case.number}")
    return Scenario(
        seed=case.number,
        kind=Kind.ROUGH,
        nodes=random.randint(case.replicas, 6),
        stages=random.randint(3, 9),
        replicas=case.replicas,
        slots=case.slots,
        clients=min(2, case.slots),
        twins=False,
        liars=0,
        want=8,
        requests=REQUESTS,
        seconds=SECONDS,
        budgets=(10.0,),
        newest=0.0,
        deadly=0.0,
        broken=0.0,
        lost=0.0,
        hung=0.0,
        hostility=Hostility(loss=case.loss, late=0.1, late_seconds=0.05),
        chunk_bytes=4096,
        slowest=0.01,
        mishaps=(),
    )


def _bounded_edges(case: Case) -> int:
    random = Random(f"deadlock {case.number}")
    graph = random_graph(random, stages=random.randint(3, 9))
    model = EdgeBuffers(graph, case.slots, case.replicas, case.loss, random)
    return model.stuck(REQUESTS)
