"""What must hold inside nodes and clients: bounds at any moment, all given back at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgechain.runtime.slots import TOMBSTONES_PER_SLOT

if TYPE_CHECKING:
    from tests.simulation.client import SimClient
    from tests.simulation.generation import SimGeneration
    from tests.simulation.node import SimNode
    from tests.simulation.run import Simulation
SWEPT_SECONDS = 0.3
"""A slot whose budget is spent is seen by then."""


def audit_bounds(simulation: Simulation) -> None:
    """Nothing holds more than it may."""
    honest = simulation.network.always_honest
    for node in _alive(simulation):
        for generation in node.generations.values():
            problems = _unbounded(generation, node.slots, honest) + _overdue(node, generation)
            for problem in problems:
                simulation.ledger.violation(f"{node}: {problem}")


def _alive(simulation: Simulation) -> list[SimNode]:
    return [node for node in simulation.nodes.values() if node.process.alive]


def _unbounded(generation: SimGeneration, slots: int, honest: bool) -> list[str]:
    exchange = generation.exchange
    table, leases = exchange._slots, exchange._leases
    problems = []
    used = [attempt.slot for attempt in table]
    if sorted([*used, *table._free]) != list(range(slots)):
        problems.append(f"slots in use {used} and free {table._free} are not all of {slots}")
    if exchange._forwarder.duplicates and honest:
        problems.append("a tensor came twice, and nothing on this network does")
    if leases.granted > slots:
        problems.append(f"{leases.granted} slots are leased, and there are {slots}")
    if len(table._tombstones) > TOMBSTONES_PER_SLOT * slots * 2:
        problems.append(f"{len(table._tombstones)} tombstones")
    for stage, actor in generation.actors.items():
        counts = actor.queue.statistics()
        if counts.ready + counts.joining > slots:
            problems.append(f"stage {stage}: {counts}")
    return problems


def _overdue(node: SimNode, generation: SimGeneration) -> list[str]:
    """Attempts that go on after their budget; a node that was stopped gets a moment."""
    latest = node.process.now() - SWEPT_SECONDS
    if node.process.stopped or node.process.continued_at > latest:
        return []
    late = [a for a in generation.exchange._slots if not a.ended and a.deadline.instant < latest]
    return [f"{attempt.key} outlives its budget" for attempt in late]


def audit_at_rest(simulation: Simulation) -> list[str]:
    """Nobody asks anything: what of slots, leases, queues and timers is not as at the start."""
    present = simulation.present
    nodes = [
        f"at rest {node}: {problem}"
        for node in _alive(simulation)
        for problem in _left_over(simulation, node, present)
    ]
    clients = [f"at rest {one.name}: {problem}" for one in present for problem in _held(one)]
    return nodes + clients


def _left_over(simulation: Simulation, node: SimNode, present: list[SimClient]) -> list[str]:
    problems = []
    for generation in node.generations.values():
        exchange, shares = generation.exchange, generation.exchange._leases._shares
        in_use = exchange.statistics().in_use
        if in_use:
            problems.append(f"{in_use} slots in use")
        if generation.peers._waiting:
            problems.append(f"tensors wait for a link: {generation.peers._waiting}")
        if any(actor.queue.statistics().joining for actor in generation.actors.values()):
            problems.append("attempts wait in a join")
        sessions = [client.fleet.session for client in present]
        numbers = {session.number for session in sessions}
        odd = [tenant for tenant in shares if tenant[1] not in numbers]
        if odd:
            problems.append(f"leases of sessions that are gone: {odd}")
        for tenant, share in shares.items():
            fair = max(1, node.slots // len(shares))
            if (share.told, share.given) != (min(share.wanted, fair),) * 2:
                problems.append(f"lease of {tenant}: {share}, fair is {fair}")
    return problems


def _held(client: SimClient) -> list[str]:
    problems = []
    submitter, session = client.submitter, client.fleet.session
    if submitter.open_requests:
        problems.append(f"{submitter.open_requests} requests are open")
    for node in session.routes.nodes():
        if node.held:
            problems.append(f"holds slots of {node.hop}: {list(map(str, node.held))}")
        if node.confirmed != node.number:
            problems.append(f"has not answered {node}")
    if session.under_way or session.outstanding:
        problems.append(f"{session.under_way} under way, {session.outstanding} outstanding")
    counts = submitter.statistics()
    if counts.submitted != counts.results + counts.failed + counts.dropped + counts.open:
        problems.append(f"the books are wrong: {counts}")
    asked = sum(entry.client == client.name for entry in client.ledger.entries)
    if counts.submitted != asked:
        problems.append(f"{asked} requests were asked, and {counts}")
    timers = client.network.world.timers(client.process)
    ours = [timer for timer in timers if not timer.startswith("Sim")]
    if ours and client.fleet.complete.is_set():
        problems.append(f"timers are set: {ours}")
    return problems
