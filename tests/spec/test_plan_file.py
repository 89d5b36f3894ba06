"""The file between ``edgechain plan`` and ``edgechain split``, and the nouns behind it."""

from __future__ import annotations

import pytest

from edgechain.errors import InvalidDocument
from edgechain.spec.document import parse, render
from edgechain.spec.plan import Copy, Placement, Score, Share
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.problem import Objective
from tests.chain import chains

WRITTEN = f"""\
model:
  file: detect.tflite
  sha256: {"61e2" * 16}
objective: throughput
period_ms: 39.1
latency_ms: 80.9
lower_bound_ms: 39.1
stages:
  - name: stage0
    device: pi-a
    operators: 0-30
    work_ms: 39.1
  - name: stage1
    device: pi-b
    operators: 31-63
    work_ms: 41.2
"""
PACKED = f"{WRITTEN}packed: [a]\n"
COPIED = f"{WRITTEN}    copies: [pi-c, pi-d]\n"


def test_a_plan_without_copies_says_nothing_of_them() -> None:
    plan = parse(PlanFile, WRITTEN, file="plan")
    assert [stage.copies for stage in plan.stages] == [(), ()]
    assert render(plan) == WRITTEN


def test_copies_are_read_as_they_were_written() -> None:
    plan = parse(PlanFile, COPIED, file="plan")
    assert [stage.copies for stage in plan.stages] == [(), ("pi-c", "pi-d")]
    assert render(plan) == COPIED


def test_a_copy_is_a_name() -> None:
    with pytest.raises(InvalidDocument, match="copies"):
        parse(PlanFile, COPIED.replace("pi-c", "'../pi-c'"), file="plan")


def test_a_plan_says_what_crosses_packed() -> None:
    plan = parse(PlanFile, PACKED, file="plan")
    assert (plan.packed, parse(PlanFile, WRITTEN, file="plan").packed) == (("a",), ())
    assert render(plan) == PACKED


def test_a_share_has_its_device_first() -> None:
    alone, both = Share(1, (0,), 2.0), Share(2, (1,), 1.0, (Copy(0, 3.0),))
    assert (alone.boards, both.boards) == ((1,), (2, 0))
    score = Score(1.0, 2.0, "device a")
    for shares, copied in (((alone,), False), ((alone, both), True)):
        assert Placement(Objective.THROUGHPUT, shares, score, 1.0).has_copies is copied


def test_a_stage_runs_on_its_device_and_on_its_copies() -> None:
    stages = (
        chains.actor("stage0", "Affine", "x", "a"),
        chains.actor("stage1", "Affine", "a", "y"),
    )
    operators = {"stage0": "0-30", "stage1": "31-63"}
    cut = [one.model_copy(update={"operators": operators[one.name]}) for one in stages]
    plan = parse(PlanFile, COPIED, file="plan")
    assert plan.devices(chains.connected("made", *cut)) == {
        "stage0": ("pi-a",),
        "stage1": ("pi-b", "pi-c", "pi-d"),
    }
    with pytest.raises(ValueError, match="its stages are others"):
        plan.devices(chains.connected("made", *stages))
    packing = parse(PlanFile, PACKED, file="plan")
    packed = chains.connected("made", *cut, packed="a")
    assert packing.devices(packed) == {"stage0": ("pi-a",), "stage1": ("pi-b",)}
    for one, manifest in ((plan, packed), (packing, chains.connected("made", *cut))):
        with pytest.raises(ValueError, match="other tensors cross packed there; cut it again"):
            one.devices(manifest)
