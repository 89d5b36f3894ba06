"""A plan anew, with what its stages were measured to take: a hot board slows down.

A stage's operators on a device take longer or shorter by what was measured beside what was
predicted, and so do the device's other operators: one board, one heat. What it spends besides, on
having a stage and on bytes, is not in a stage's measured time and stays as it was. A node is
taken to run its stage with the threads that were planned; it does not say how many it has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edgechain.errors import CannotPlace
from edgechain.plan.measured import Measured
from edgechain.plan.packed import packable
from edgechain.plan.packed_tensors import packed_units
from edgechain.plan.packing import scored
from edgechain.plan.score import owner_of, share_of, work_of
from edgechain.plan.threads import Planned, planned, posed
from edgechain.plan.topology import Device, operator_seconds
from edgechain.plan.units import ModelProblem
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.partition_file import parse_operators
from edgechain.spec.plan import SAME, Placement, Share
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.problem import Objective


@dataclass(frozen=True, slots=True)
class Beside:
    """A planned stage on a device: seconds, as predicted and as measured there.

    ``runs`` are those of all ``nodes`` that stand for the device; ``measured`` is nothing where
    they were too few to count.
    """

    device: str
    stage: PlannedStage
    nodes: tuple[str, ...]
    runs: int
    predicted: float
    measured: float | None

    @property
    def factor(self) -> float | None:
        """How many times as long as predicted it takes; nothing where that cannot be said."""
        if self.measured is None or not 0 < self.predicted < math.inf:
            return None
        return self.measured / self.predicted


@dataclass(frozen=True)
class Refined:
    """What was measured, and what to do now: the old plan as it is now, and the best one."""

    stages: tuple[Beside, ...]
    unmeasured: tuple[str, ...]
    """Devices that keep their times."""
    old: Planned
    new: Planned

    @property
    def gain(self) -> float:
        """How many times as good as the old plan the new one is; 1: it is the old one."""
        return self.old.value / self.new.value if self.new.value else 1.0


def refine(
    graph: OpGraph,
    devices: Sequence[Device],
    plan: PlanFile,
    found: Sequence[Measured],
    objective: Objective,
) -> Refined:
    """The best placement with measured times, which may be the old one.

    Raises ``CannotPlace`` where the plan does not fit the devices, or nothing fits, and
    ``CannotCut`` where it does not fit the model.
    """
    used = _as_planned(devices, plan)
    stages = tuple(_beside(graph, used, plan, found))
    now = tuple(_refined(graph, device, stages) for device in used)
    new = planned(graph, now, objective)
    old = _placed(graph, now, plan, new)
    kept = {one.device for one in stages if one.factor is not None}
    rest = tuple(device.name for device in devices if device.name not in kept)
    return Refined(stages, rest, old, old if old.value <= new.value * SAME else new)


def _as_planned(devices: Sequence[Device], plan: PlanFile) -> tuple[Device, ...]:
    """The devices with the threads that the plan gave them. Raises ``CannotPlace``."""
    names = {device.name for device in devices}
    for stage in plan.stages:
        if stage.device not in names:
            raise CannotPlace(
                f"the plan's {stage.name} is for {stage.device}, which is none of the devices given"
            )
    threads = {stage.device: stage.threads for stage in plan.stages}
    return tuple(device.with_threads(threads.get(device.name)) for device in devices)


# What was measured --------------------------------------------------------------------------------


def _beside(
    graph: OpGraph, devices: Sequence[Device], plan: PlanFile, found: Sequence[Measured]
) -> Iterator[Beside]:
    """Every planned stage on its device, and on every other one that ran it."""
    by_name = {device.name: device for device in devices}
    heard = _by_device(found, by_name.keys())
    for stage in plan.stages:
        others = [d for d, name in heard if name == stage.name and d != stage.device]
        for device in (stage.device, *others):
            each = operator_seconds(graph, by_name[device])
            predicted = math.fsum(each[op] for op in _operators(graph, stage))
            told = heard.get((device, stage.name), [])
            counted = [one.seconds for one in told if one.counts]
            yield Beside(
                device,
                stage,
                tuple(one.node for one in told),
                sum(one.runs for one in told),
                predicted,
                math.fsum(counted) / len(counted) if counted else None,
            )


def _by_device(
    found: Sequence[Measured], devices: Iterable[str]
) -> dict[tuple[str, str], list[Measured]]:
    """What was measured, by device and stage.

    A node is the device of its name. One of another name, as on a single machine, stands for the
    device that its stage was planned for, unless that is there itself.
    """
    names = frozenset(devices)
    there = {one.node for one in found} & names
    heard: dict[tuple[str, str], list[Measured]] = {}
    for one in found:
        if one.node in names:
            heard.setdefault((one.node, one.stage.name), []).append(one)
        elif one.stage.device not in there:
            heard.setdefault((one.stage.device, one.stage.name), []).append(one)
    return heard


def _refined(graph: OpGraph, device: Device, stages: Sequence[Beside]) -> Device:
    """The device as it was measured to be, if it was."""
    here = [(one, one.factor) for one in stages if one.device == device.name]
    known = [(one, factor) for one, factor in here if factor is not None]
    if not known:
        return device
    longer = math.fsum(one.predicted * factor for one, factor in known)
    factors = [longer / math.fsum(one.predicted for one, _ in known)] * len(graph.operators)
    for one, factor in known:
        for op in _operators(graph, one.stage):
            factors[op] = factor
    return replace(device, factors=tuple(factors))


def _operators(graph: OpGraph, stage: PlannedStage) -> tuple[int, ...]:
    try:
        return parse_operators(str(stage.operators), len(graph.operators))
    except ValueError as error:
        raise CannotPlace(f"the plan's {stage.name}: {error}") from error


# The old plan -------------------------------------------------------------------------------------


def _placed(graph: OpGraph, devices: tuple[Device, ...], plan: PlanFile, new: Planned) -> Planned:
    """What the old plan comes to now, beside the new one's bound.

    Every stage counts as one of its own, as it runs; a tensor of which no profile says how it packs
    counts as if it crossed as it is. Raises ``CannotPlace``, or ``CannotCut`` where the plan's
    stages are no partition of the model.
    """
    now = posed(graph, devices)
    Partition(graph, tuple(_operators(graph, stage) for stage in plan.stages))
    shares = _shares(graph, now.model, plan)
    work_of(now.problem, owner_of(shares))
    able = frozenset(packable(now.problem, shares))
    packed = tuple(unit for unit in packed_units(now.model, plan.packed) if unit in able)
    score, objective = scored(now.problem, shares, packed), new.found.objective
    found = Placement(objective, shares, score, new.found.lower_bound, packed)
    placed = found.beside(new.found.lower_bound, new.found.single_bound)
    return Planned(now, placed, new.whole)


def _shares(graph: OpGraph, model: ModelProblem, plan: PlanFile) -> tuple[Share, ...]:
    """What every stage does, in the plan's order. Raises ``CannotPlace`` for a unit torn apart."""
    home = {op: at for at, stage in enumerate(plan.stages) for op in _operators(graph, stage)}
    units: list[list[int]] = [[] for _ in plan.stages]
    for place, unit in enumerate(model.problem.units):
        first, *others = {home[op] for op in model.operators[unit.name]}
        if others:
            raise CannotPlace(f"the plan has unit {unit.name} in two stages")
        units[first].append(place)
    boards = {board.name: number for number, board in enumerate(model.problem.boards)}
    return tuple(
        share_of(model.problem, boards[stage.device], some)
        for stage, some in zip(plan.stages, units, strict=True)
    )
