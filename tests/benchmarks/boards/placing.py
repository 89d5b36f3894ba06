"""A placement of a model on a scene's boards, what it is expected to come to, and its chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgechain.model.chain import Plan, make_chain
from edgechain.model.graph import graph_of
from edgechain.model.source import Model
from edgechain.plan.node_costs import client_traffic
from edgechain.plan.place import place
from edgechain.plan.score import score
from edgechain.plan.topology import BITS, MB, problem_on
from edgechain.plan.units import ModelProblem
from edgechain.runtime.interpreter import open_interpreter
from edgechain.spec.graph import OpGraph
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective
from edgechain.spec.profile import DeviceProfile
from tests.benchmarks.boards.scenes import FAST_MBIT, SHORT_SHARE, Scene

PROOF_RUNS = 1


@dataclass(frozen=True)
class Placed:
    """The best placement, and what it comes to as others see it."""

    model: Model
    scene: Scene
    problem: ModelProblem
    found: Placement
    memory_mb: tuple[float | None, ...]
    bare_period: float
    """If nodes and bytes cost nothing."""
    swapped_period: float | None
    """If the profiles were those of each other's boards."""

    @property
    def owner(self) -> list[int]:
        """For every unit the place of its board."""
        return _owner(self.found, len(self.problem.problem.units))

    @property
    def period(self) -> float:
        """Seconds a frame: the planner's, or that of the client's links where they are slower."""
        return max(self.found.score.period, self.client_seconds)

    @property
    def limits(self) -> str:
        """What the period comes from."""
        slower = self.client_seconds > self.found.score.period
        return "a link to the client" if slower else self.found.score.limits

    @property
    def client_seconds(self) -> float:
        """The busiest link's to or from the client, all of which are quick ones."""
        groups = self.problem.partition(self.found).groups
        moved = [client_traffic(self.problem.graph, group) for group in groups]
        most = max(max(each.received, each.sent) for each in moved)
        return most * BITS / (FAST_MBIT * MB)

    @property
    def bound(self) -> float:
        """Seconds below which no placement's period is: the planner's, or a client's link's."""
        return max(self.found.lower_bound, self.client_seconds)

    def busy(self) -> dict[int, float]:
        """Every used board's seconds for one request."""
        problem, owner = self.problem.problem, self.owner
        received = dict.fromkeys(range(len(problem.boards)), 0)
        sent = dict(received)
        for unit, readers in enumerate(problem.readers):
            size = problem.units[unit].output_bytes
            for target in {owner[reader] for reader in readers} - {owner[unit]}:
                received[target] += size
                sent[owner[unit]] += size
        return {
            share.board: share.seconds
            + problem.boards[share.board].pays(received[share.board], sent[share.board])
            for share in self.found.shares
        }

    def cut(self, folder: Path) -> dict[str, str]:
        """Write the chain to ``folder``/chain; the stage of every board that has one."""
        names = [self.scene.names[share.board] for share in self.found.shares]
        plan = Plan(self.problem.partition(self.found), tuple(f"on-{name}" for name in names))
        chain = folder / "chain"
        make_chain(self.model, plan, chain, open_runner=open_interpreter, runs=PROOF_RUNS)
        return {name: f"on-{name}" for name in names}


def placed(model: Model, scene: Scene, profiles: Sequence[DeviceProfile]) -> Placed:
    """The best placement for throughput."""
    graph = graph_of(model)
    free: tuple[float | None, ...] = (None,) * len(profiles)
    found, problem = _place(graph, scene, profiles, free)
    memory = free
    if scene.short:
        memory = _short(found, problem, scene)
        found, problem = _place(graph, scene, profiles, memory)
    owner = _owner(found, len(problem.problem.units))
    bare = problem_on(graph, scene.devices([_bare(p) for p in profiles], memory))
    swapped = None
    if len(set(scene.kinds)) > 1:
        others = problem_on(graph, scene.devices(profiles[::-1], memory))
        swapped = score(others.problem, owner).period
    bare_period = score(bare.problem, owner).period
    return Placed(model, scene, problem, found, memory, bare_period, swapped)


def _place(
    graph: OpGraph,
    scene: Scene,
    profiles: Sequence[DeviceProfile],
    memory_mb: Sequence[float | None],
) -> tuple[Placement, ModelProblem]:
    problem = problem_on(graph, scene.devices(profiles, memory_mb))
    return place(problem.problem, Objective.THROUGHPUT), problem


def _bare(profile: DeviceProfile) -> DeviceProfile:
    nothing = {"stage_ms": 0.0, "send_ms_per_mb": 0.0, "receive_ms_per_mb": 0.0}
    return profile.model_copy(update=nothing)


def _short(found: Placement, problem: ModelProblem, scene: Scene) -> tuple[float | None, ...]:
    """Less memory than they would like, in 10**6 bytes, for the boards that are short of it."""
    wanted: Mapping[int, int] = {
        share.board: sum(problem.problem.units[unit].memory_bytes for unit in share.units)
        for share in found.shares
    }
    return tuple(
        SHORT_SHARE * wanted.get(number, 0) / MB if number in scene.short else None
        for number in range(len(scene.kinds))
    )


def _owner(found: Placement, units: int) -> list[int]:
    owner = [0] * units
    for share in found.shares:
        for unit in share.units:
            owner[unit] = share.board
    return owner
