"""A placement of a model as the file that ``split --plan`` follows."""

from __future__ import annotations

from collections.abc import Sequence

from edgechain.plan.topology import Device
from edgechain.plan.units import ModelProblem
from edgechain.spec.chain import ModelSource
from edgechain.spec.partition_file import render_operators
from edgechain.spec.plan import Placement
from edgechain.spec.plan_file import PlanFile, PlannedStage


def plan_file(
    model: ModelSource, placed: ModelProblem, found: Placement, devices: Sequence[Device]
) -> PlanFile:
    """Every share as a stage on its device. Raises ``CannotCut`` where no model could be cut so."""
    partition = placed.partition(found)
    stages = tuple(
        PlannedStage(
            name=f"stage{number}",
            device=placed.problem.boards[share.board].name,
            operators=render_operators(group),
            work_ms=round(share.seconds * 1000, 6),
        )
        for number, (share, group) in enumerate(zip(found.shares, partition.groups, strict=True))
    )
    used = {stage.device for stage in stages}
    return PlanFile(
        model=model,
        objective=found.objective,
        period_ms=round(found.score.period * 1000, 6),
        latency_ms=round(found.score.latency * 1000, 6),
        lower_bound_ms=round(found.lower_bound * 1000, 6),
        limits=found.score.limits,
        estimated=tuple(d.name for d in devices if d.name in used and not d.is_measured),
        stages=stages,
    )
