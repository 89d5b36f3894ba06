"""A placement of a model as the file that ``split --plan`` follows."""

from __future__ import annotations

import math

from edgechain.plan.packed_tensors import crossing_packed
from edgechain.plan.threads import Planned
from edgechain.plan.topology import operator_seconds, shares_on
from edgechain.spec.chain import ModelSource
from edgechain.spec.partition_file import render_operators
from edgechain.spec.plan_file import PlanFile, PlannedStage


def plan_file(model: ModelSource, planned: Planned) -> PlanFile:
    """Every share as a stage on its devices. Raises ``CannotCut`` if no model can be cut so."""
    found, partition = planned.found, planned.posed.model.partition(planned.found)
    stages = []
    for number, (share, group) in enumerate(zip(found.shares, partition.groups, strict=True)):
        device = planned.posed.devices[share.board]
        each = operator_seconds(partition.graph, device)
        stages.append(
            PlannedStage(
                name=f"stage{number}",
                device=device.name,
                operators=render_operators(group),
                work_ms=round(math.fsum(each[op] for op in group) * 1000, 6),
                threads=device.used_threads,
                copies=tuple(planned.posed.devices[copy.board].name for copy in share.copies),
            )
        )
    shares = shares_on(partition.graph, planned.posed.devices)
    used = {name for stage in stages for name in (stage.device, *stage.copies)}
    return PlanFile(
        model=model,
        objective=found.objective,
        period_ms=round(found.score.period * 1000, 6),
        latency_ms=round(found.score.latency * 1000, 6),
        lower_bound_ms=round(found.lower_bound * 1000, 6),
        limits=found.score.limits,
        estimated=tuple(
            d.name for d in planned.posed.devices if d.name in used and not d.is_measured
        ),
        stages=tuple(stages),
        packed=crossing_packed(planned.posed.model, found, shares),
    )
