"""What running nodes measured of a plan's stages, beside what it predicts for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgechain.spec.chain import ChainManifest
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.status import NodeStatus

LEAST_RUNS = 10
"""Fewer are no measurement: the first ones find cold caches and clocks."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A planned stage on a node: how often it ran there, and seconds, the mean of its last runs."""

    node: str
    stage: PlannedStage
    runs: int
    seconds: float

    @property
    def counts(self) -> bool:
        """Whether it is a measurement. A node may say anything."""
        return self.runs >= LEAST_RUNS and 0 < self.seconds < math.inf

    @property
    def ratio(self) -> float | None:
        """How many times as long as planned it takes; nothing where that cannot be said."""
        planned = self.stage.work_ms / 1000
        return self.seconds / planned if self.counts and planned else None


def planned_stages(plan: PlanFile, manifest: ChainManifest) -> dict[str, PlannedStage]:
    """The stages of a chain that are the plan's, by name: the same operators of the same model."""
    if manifest.model is None or manifest.model.sha256 != plan.model.sha256:
        return {}
    return {
        stage.name: stage
        for stage in plan.stages
        if stage.name in manifest.stage
        and manifest.stage[stage.name].operators == str(stage.operators).strip()
    }


def measured(
    plan: PlanFile, status: NodeStatus, manifest: ChainManifest | None
) -> tuple[Measured, ...]:
    """What a node says of the plan's stages; ``manifest`` is that of what it runs, if known.

    What a copy should take a plan does not say.
    """
    stages = {} if manifest is None else planned_stages(plan, manifest)
    return tuple(
        Measured(status.name, stages[stage.name], stage.ran, stage.mean_ms / 1000)
        for stage in status.stages
        if stage.name in stages and status.name not in stages[stage.name].copies
    )
