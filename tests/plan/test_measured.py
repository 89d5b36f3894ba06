"""What counts as a measurement of a planned stage, and whose stages are a plan's."""

from __future__ import annotations

import math

import pytest

from edgechain.plan.measured import LEAST_RUNS, Measured, measured, planned_stages
from edgechain.spec.chain import ChainManifest, ModelSource
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.problem import Objective
from edgechain.spec.status import StageStatus
from tests.chain import chains
from tests.cli.test_status_rows import status
from tests.spec.statuses import stage_status

MODEL = ModelSource(file="m.tflite", sha256="0" * 64)
FRONT = PlannedStage(name="stage0", device="pi-a", operators="0-3", work_ms=20.0)
BACK = PlannedStage(name="stage1", device="pi-b", operators=4, work_ms=0.0)
PLAN = PlanFile(
    model=MODEL,
    objective=Objective.THROUGHPUT,
    period_ms=20,
    latency_ms=20,
    lower_bound_ms=20,
    stages=(FRONT, BACK),
)


def running(
    *operators: str, model: ModelSource | None = MODEL, first: str = "stage0"
) -> ChainManifest:
    """A chain of two stages that hold these operators."""
    stages = (chains.actor(first, "Affine", "x", "a"), chains.actor("stage1", "Affine", "a", "y"))
    made = chains.connected(
        "made",
        *(
            stage.model_copy(update={"operators": some})
            for stage, some in zip(stages, operators, strict=True)
        ),
    )
    fields = {name: getattr(made, name) for name in ("name", "inputs", "outputs", "stages")}
    return ChainManifest.sealed(**fields, edges=made.edges, model=model)


def test_a_stage_is_the_plans_by_model_name_and_operators() -> None:
    assert planned_stages(PLAN, running("0-3", "4")) == {"stage0": FRONT, "stage1": BACK}
    assert planned_stages(PLAN, running("0-2", "4")) == {"stage1": BACK}
    assert planned_stages(PLAN, running("0-3", "4", first="front")) == {"stage1": BACK}
    other = ModelSource(file="m.tflite", sha256="1" * 64)
    for model in (other, None):
        assert planned_stages(PLAN, running("0-3", "4", model=model)) == {}


def stage(name: str, ran: int, ms: float) -> StageStatus:
    return stage_status(name, ran=ran, mean_ms=ms, max_ms=ms)


def test_a_node_is_heard_of_planned_stages_only() -> None:
    node = status().model_copy(
        update={"stages": (stage("stage0", 12, 50.0), stage("other", 99, 1.0))}
    )
    assert measured(PLAN, node, running("0-3", "4")) == (Measured("n", FRONT, 12, 0.05),)
    assert measured(PLAN, node, None) == (), "what it runs is not known"


def test_what_a_copy_should_take_is_not_known() -> None:
    copied = FRONT.model_copy(update={"copies": ("n",)})
    plan = PLAN.model_copy(update={"stages": (copied, BACK)})
    node = status().model_copy(update={"stages": (stage("stage0", 12, 50.0),)})
    first = node.model_copy(update={"name": "pi-a"})
    assert measured(plan, node, running("0-3", "4")) == ()
    assert measured(plan, first, running("0-3", "4")) == (Measured("pi-a", copied, 12, 0.05),)


@pytest.mark.parametrize(
    ("one", "ratio"),
    [
        (Measured("n", FRONT, LEAST_RUNS, 0.05), 2.5),
        (Measured("n", FRONT, LEAST_RUNS - 1, 0.05), None),
        (Measured("n", FRONT, LEAST_RUNS, 0.0), None),
        (Measured("n", FRONT, LEAST_RUNS, -1.0), None),
        (Measured("n", FRONT, LEAST_RUNS, math.inf), None),
        (Measured("n", FRONT, LEAST_RUNS, math.nan), None),
        (Measured("n", BACK, LEAST_RUNS, 0.05), None),
    ],
)
def test_what_counts(one: Measured, ratio: float | None) -> None:
    assert one.ratio == (None if ratio is None else pytest.approx(ratio))
