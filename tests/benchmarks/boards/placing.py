"""A placement of a model on a scene's boards, what it is expected to come to, and its chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgechain.model.chain import Plan, make_chain
from edgechain.model.graph import graph_of
from edgechain.model.source import Model
from edgechain.plan.packed_tensors import crossing_packed
from edgechain.plan.place import place
from edgechain.plan.score import score
from edgechain.plan.timeline import timeline
from edgechain.plan.topology import MB, Device, problem_on, shares_on
from edgechain.plan.units import ModelProblem
from edgechain.runtime.interpreter import open_interpreter
from edgechain.spec.graph import OpGraph
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective
from edgechain.spec.profile import DeviceProfile, LinkCosts
from tests.benchmarks.boards.scenes import SHORT_SHARE, Scene

PROOF_RUNS = 1
FREE = LinkCosts(send_ms_per_mb=0.0, receive_ms_per_mb=0.0, message_ms=0.0)


@dataclass(frozen=True)
class Placed:
    """The best placement, and what it comes to as others see it."""

    model: Model
    scene: Scene
    problem: ModelProblem
    found: Placement
    memory_mb: tuple[float | None, ...]
    bare: ModelProblem
    """If nodes and bytes cost nothing."""
    bare_period: float
    swapped_period: float | None
    """If the profiles were those of each other's boards."""
    packed: tuple[str, ...]
    """The tensors that cross packed."""

    def busy(self) -> dict[int, float]:
        """Every used board's seconds for one request."""
        return self._seconds(self.problem, self.found)

    def computing(self) -> dict[int, float]:
        """Those of them that are its operators'."""
        return self._seconds(self.bare, replace(self.found, packed=()))

    def _seconds(self, problem: ModelProblem, found: Placement) -> dict[int, float]:
        works = timeline(problem.problem, found).works
        return {work.share.board: work.seconds for work in works}

    def cut(self, folder: Path) -> dict[str, str]:
        """Write the chain to ``folder``/chain; the stage of every board that has one."""
        names = [self.scene.names[share.board] for share in self.found.shares]
        partition = self.problem.partition(self.found)
        plan = Plan(partition, tuple(f"on-{name}" for name in names), packed=self.packed)
        chain = folder / "chain"
        make_chain(self.model, plan, chain, open_runner=open_interpreter, runs=PROOF_RUNS)
        return {name: f"on-{name}" for name in names}


def placed(
    model: Model, scene: Scene, profiles: Sequence[DeviceProfile], cards: LinkCosts
) -> Placed:
    """The best placement for throughput."""
    graph = graph_of(model)
    memory: tuple[float | None, ...] = (None,) * len(profiles)
    devices = scene.devices(profiles, memory, cards)
    found, problem = _place(graph, devices)
    if scene.short:
        memory = _short(found, problem, scene)
        devices = scene.devices(profiles, memory, cards)
        found, problem = _place(graph, devices)
    owner = _owner(found, len(problem.problem.units))
    bare = problem_on(graph, scene.devices([_bare(p) for p in profiles], memory, FREE))
    swapped = None
    if len(set(scene.kinds)) > 1:
        others = problem_on(graph, scene.devices(profiles[::-1], memory, cards))
        swapped = score(others.problem, owner).period
    bare_period = score(bare.problem, owner).period
    packed = crossing_packed(problem, found, shares_on(graph, devices))
    return Placed(model, scene, problem, found, memory, bare, bare_period, swapped, packed)


def _place(graph: OpGraph, devices: Sequence[Device]) -> tuple[Placement, ModelProblem]:
    """One stage on each board, as these run them."""
    problem = problem_on(graph, devices)
    problem = replace(problem, problem=replace(problem.problem, several_stages=False))
    return place(problem.problem, Objective.THROUGHPUT), problem


def _bare(profile: DeviceProfile) -> DeviceProfile:
    nothing = {"stage_ms": 0.0, "send_ms_per_mb": 0.0, "receive_ms_per_mb": 0.0}
    return profile.model_copy(update=nothing)


def _short(found: Placement, problem: ModelProblem, scene: Scene) -> tuple[float | None, ...]:
    """Less memory than they would like, in 10**6 bytes, for the boards that are short of it."""
    wanted: Mapping[int, int] = {
        share.board: problem.problem.memory(share.units) for share in found.shares
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
