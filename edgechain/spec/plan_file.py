"""What ``edgechain plan MODEL -o FILE`` writes and ``edgechain split --plan FILE`` follows.

model: {file: detect.tflite, sha256: 61e2...}
objective: throughput
period_ms: 39.1
latency_ms: 80.9
lower_bound_ms: 39.1
limits: device pi-a
stages:
- {name: stage0, device: pi-a, operators: 0-30, work_ms: 39.1, threads: 4}
- {name: stage1, device: pi-b, operators: 31-63, work_ms: 41.2, threads: 2, copies: [pi-c]}
"""

from __future__ import annotations

from pydantic import Field

from edgechain.errors import InvalidDocument
from edgechain.spec.chain import ChainManifest, ModelSource
from edgechain.spec.config import MAX_THREADS
from edgechain.spec.document import parse
from edgechain.spec.ids import Name, NodeName, StageName
from edgechain.spec.problem import Objective
from edgechain.spec.profile import Milliseconds
from edgechain.spec.tensor import Frozen


class PlannedStage(Frozen):
    """Operators of the model, the device they are for, and what they are expected to take.

    ``work_ms`` is the interpreter's time for them, which a node reports as a stage's ``mean_ms``;
    ``threads`` is the number of the interpreter's threads on ``device`` that it is for.
    """

    name: Name
    device: Name
    operators: str | int
    work_ms: Milliseconds
    threads: int | None = Field(default=None, ge=1, le=MAX_THREADS)
    copies: tuple[Name, ...] = ()
    """Further devices that run the same stage."""


class PlanFile(Frozen):
    """A plan: stages in an order in which each needs only those before it."""

    model: ModelSource
    objective: Objective
    period_ms: Milliseconds
    latency_ms: Milliseconds
    lower_bound_ms: Milliseconds
    limits: str = ""
    estimated: tuple[Name, ...] = ()
    """Devices whose times were not measured."""
    stages: tuple[PlannedStage, ...] = Field(min_length=1)
    packed: tuple[str, ...] = ()
    """Names of the tensors between stages that cross packed."""

    def misfit(self, sha256: str) -> str | None:
        """Why it is not for the model with these bytes; nothing if it is."""
        if sha256 == self.model.sha256:
            return None
        return f"is for another model ({self.model.file}, {self.model.sha256[:12]})"

    def devices(self, manifest: ChainManifest) -> dict[StageName, tuple[NodeName, ...]]:
        """The devices of every stage of the chain that was cut after this plan.

        Raises ``ValueError`` where the chain has other stages, or packs other tensors.
        """
        planned = {stage.name: str(stage.operators) for stage in self.stages}
        cut = {stage.name: stage.operators for stage in manifest.stages}
        if planned != cut:
            raise ValueError(f"chain {manifest.name} was not cut after it: its stages are others")
        if set(self.packed) != set(manifest.packed):
            raise ValueError(
                f"chain {manifest.name} was not cut after it: other tensors cross packed there; "
                "cut it again with `edgechain split --plan`"
            )
        return {stage.name: (stage.device, *stage.copies) for stage in self.stages}


def parse_plan(text: str, *, file: str, model_sha256: str | None = None) -> PlanFile:
    """Read a plan, of this very model if one is named.

    Raises ``InvalidDocument`` with the place of the mistake, or where it is for another model.
    """
    plan = parse(PlanFile, text, file=file)
    if model_sha256 is not None and (reason := plan.misfit(model_sha256)):
        raise InvalidDocument(reason, file=file, key="model")
    return plan
