"""What ``edgechain plan MODEL -o FILE`` writes and ``edgechain split --plan FILE`` follows.

model: {file: detect.tflite, sha256: 61e2...}
objective: throughput
period_ms: 41.2
latency_ms: 80.9
lower_bound_ms: 41.2
limits: device pi-b
stages:
- {name: stage0, device: pi-a, operators: 0-30, work_ms: 39.1}
- {name: stage1, device: pi-b, operators: 31-63, work_ms: 41.2}
"""

from __future__ import annotations

from pydantic import Field

from edgechain.spec.chain import ModelSource
from edgechain.spec.ids import Name
from edgechain.spec.problem import Objective
from edgechain.spec.tensor import Frozen


class PlannedStage(Frozen):
    """Operators of the model, the device they are for, and what they are expected to take."""

    name: Name
    device: Name
    operators: str | int
    work_ms: float = Field(ge=0)


class PlanFile(Frozen):
    """A plan: stages in an order in which each needs only those before it."""

    model: ModelSource
    objective: Objective
    period_ms: float = Field(ge=0)
    latency_ms: float = Field(ge=0)
    lower_bound_ms: float = Field(ge=0)
    limits: str = ""
    estimated: tuple[Name, ...] = ()
    """Devices whose times were not measured."""
    stages: tuple[PlannedStage, ...] = Field(min_length=1)
