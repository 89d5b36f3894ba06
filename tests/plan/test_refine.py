"""A plan anew with measured times: a board that got hot gives work away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgechain.errors import CannotCut, CannotPlace
from edgechain.plan.measured import LEAST_RUNS, Measured
from edgechain.plan.refine import Beside, Refined, refine
from edgechain.plan.threads import planned
from edgechain.plan.topology import Device, operator_seconds
from edgechain.plan.written import plan_file
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.problem import Objective
from edgechain.spec.topology import DeviceConfig
from tests.plan.test_threads import FORK, MODEL, UNLIKE, device, profile
from tests.spec.graphs import FIRST_INPUT, graph

PERIOD = Objective.THROUGHPUT
ROW = graph([FIRST_INPUT], *([at] for at in range(7)))
"""Eight operators, one after the other."""

DEVICES = tuple(device(name, profile(4, *[10.0] * 8)) for name in ("a", "b"))


def made(devices: tuple[Device, ...] = DEVICES) -> PlanFile:
    """The plan for these devices."""
    return plan_file(MODEL, planned(ROW, devices, PERIOD))


def ran(plan: PlanFile, node: str, ms: float, *, of: str = "", runs: int = 100) -> Measured:
    """A node that ran its own stage, or that of another device."""
    (one,) = (one for one in plan.stages if one.device == (of or node))
    return Measured(node, one, runs, ms / 1000)


def refined(plan: PlanFile, *found: Measured, devices: tuple[Device, ...] = DEVICES) -> Refined:
    return refine(ROW, devices, plan, found, PERIOD)


def shares(one: Refined) -> dict[str, int]:
    """How many operators each device has in the new plan."""
    return {
        one.new.posed.devices[share.board].name: len(share.units) for share in one.new.found.shares
    }


def factors(one: Refined) -> dict[str, float | None]:
    """By device."""
    return {stage.device: stage.factor for stage in one.stages}


def stage_on(one: Refined, device: str) -> Beside:
    """The only one there."""
    (found,) = (stage for stage in one.stages if stage.device == device)
    return found


def test_a_hot_board_gives_work_to_the_cool_one() -> None:
    plan = made()
    assert [s.work_ms for s in plan.stages] == [40.0, 40.0]
    one = refined(plan, ran(plan, "a", 120.0), ran(plan, "b", 40.0))
    assert shares(one) == {"a": 2, "b": 6}
    assert factors(one) == pytest.approx({"a": 3.0, "b": 1.0})
    assert one.old.found.score.period == pytest.approx(0.12)
    assert one.new.found.score.period == pytest.approx(0.06)
    assert one.gain == pytest.approx(2.0)
    assert one.unmeasured == ()


def test_the_old_plan_stays_where_everything_is_as_predicted() -> None:
    plan = made()
    one = refined(plan, ran(plan, "a", 40.0), ran(plan, "b", 40.0))
    assert one.new is one.old
    assert one.gain == 1.0
    assert plan_file(MODEL, one.new) == plan


def test_devices_that_nobody_measured_keep_their_times_and_are_named() -> None:
    devices = (*DEVICES, device("c", profile(4, *[100.0] * 8)))
    plan = made(devices)
    one = refined(plan, ran(plan, "a", 80.0), devices=devices)
    assert one.unmeasured == ("b", "c")
    assert one.new.posed.devices[1:] == devices[1:]
    assert operator_seconds(ROW, one.new.posed.devices[0]) == pytest.approx([0.02] * 8)


def test_too_few_requests_are_no_measurement() -> None:
    plan = made()
    one = refined(plan, ran(plan, "a", 400.0, runs=LEAST_RUNS - 1))
    assert one.unmeasured == ("a", "b")
    on_a = stage_on(one, "a")
    assert (on_a.runs, on_a.measured, on_a.factor) == (LEAST_RUNS - 1, None, None)
    assert one.new is one.old


def test_nodes_of_other_names_stand_for_the_device_of_their_stage() -> None:
    """As `edgechain up` calls them; replicas together are that device."""
    plan = made()
    found = [ran(plan, f"chain-{letter}", ms, of="a") for letter, ms in (("x", 70), ("y", 90))]
    on_a = stage_on(refined(plan, *found), "a")
    assert on_a.measured == pytest.approx(0.08)
    assert (on_a.nodes, on_a.runs) == (("chain-x", "chain-y"), 200)


def test_a_device_that_is_there_itself_is_measured_itself() -> None:
    plan = made()
    one = refined(plan, ran(plan, "a", 80.0), ran(plan, "laptop", 10.0, of="a"))
    assert stage_on(one, "a").nodes == ("a",)
    assert stage_on(one, "a").factor == pytest.approx(2.0)


def test_a_replica_is_measured_on_its_own_device() -> None:
    devices = (*DEVICES, device("c", profile(4, *[25.0] * 8)))
    plan = made(devices)
    (ms,) = (stage.work_ms for stage in plan.stages if stage.device == "a")
    one = refined(plan, ran(plan, "a", ms), ran(plan, "c", 3 * ms, of="a"), devices=devices)
    assert stage_on(one, "a").factor == pytest.approx(1.0)
    assert stage_on(one, "c").stage is stage_on(one, "a").stage
    assert stage_on(one, "c").predicted == pytest.approx(2.5 * ms / 1000)
    assert stage_on(one, "c").factor == pytest.approx(1.2)
    assert one.unmeasured == ("b",)


def test_stages_of_one_device_have_their_own_factors_and_the_rest_the_common_one() -> None:
    """A plan written by hand, whose first two stages are for one device."""
    plan = made()
    front, back = plan.stages
    first = front.model_copy(update={"operators": "0-1"})
    second = front.model_copy(update={"operators": "2-3", "name": "second"})
    plan = plan.model_copy(update={"stages": (first, second, back)})
    found = Measured(front.device, first, 50, 0.04), Measured(front.device, second, 50, 0.02)
    (hot,) = (d for d in refined(plan, *found).new.posed.devices if d.name == front.device)
    assert hot.factors == pytest.approx((2, 2, 1, 1, 1.5, 1.5, 1.5, 1.5))


def test_what_was_planned_with_two_threads_is_measured_beside_two_threads() -> None:
    small = graph([FIRST_INPUT], [0], [1], [2])
    devices = (device("a", *UNLIKE), device("b", *UNLIKE))
    plan = plan_file(MODEL, planned(small, devices, PERIOD))
    found = [Measured(s.device, s, 50, 2 * s.work_ms / 1000) for s in plan.stages]
    one = refine(small, devices, plan, found, PERIOD)
    assert [s.factor for s in one.stages] == pytest.approx([2.0, 2.0])
    assert sorted(d.used_threads for d in one.old.posed.devices) == [2, 4]
    assert one.new is one.old, "both got slower alike"


def test_a_device_with_several_stages_is_scored_as_it_runs() -> None:
    """It waits for a branch that another one has, between its own stages."""
    devices = (
        device("a", profile(4, 20, 40, 40, 10)),
        device("b", profile(4, 100, 40, 100, 100)),
    )
    latency = Objective.LATENCY
    plan = plan_file(MODEL, planned(FORK, devices, latency))
    assert [stage.device for stage in plan.stages].count("a") == 3
    found = [Measured(s.device, s, 50, s.work_ms / 1000) for s in plan.stages]
    same = refine(FORK, devices, plan, found, latency)
    assert same.new is same.old
    assert plan_file(MODEL, same.new) == plan
    slow = [replace(m, seconds=3 * m.seconds) if m.node == "b" else m for m in found]
    one = refine(FORK, devices, plan, slow, latency)
    assert one.old.found.score.latency == pytest.approx(0.15, rel=1e-3)
    assert one.new.found.score.latency == pytest.approx(0.11, rel=1e-3)
    busy = refine(FORK, devices, plan, found, PERIOD).old.found.score
    assert busy.period == pytest.approx(0.07, rel=1e-3), "all stages of a together"


def test_times_that_were_estimated_are_corrected_too() -> None:
    devices = tuple(Device(name, DeviceConfig(board="pi-4")) for name in ("a", "b"))
    plan = made(devices)
    first = plan.stages[0]
    one = refined(plan, Measured(first.device, first, 10, first.work_ms / 250), devices=devices)
    assert stage_on(one, first.device).factor == pytest.approx(4.0, rel=1e-3)
    both = zip(devices, one.new.posed.devices, strict=True)
    ((old, new),) = (pair for pair in both if pair[0].name == first.device)
    before, after = operator_seconds(ROW, old), operator_seconds(ROW, new)
    assert after == pytest.approx([4 * seconds for seconds in before], rel=1e-3)


def test_a_plan_that_does_not_fit_is_refused_by_name() -> None:
    plan = made()
    with pytest.raises(CannotPlace, match="is for b, which is none of the devices"):
        refined(plan, ran(plan, "a", 40.0), devices=DEVICES[:1])
    front, back = plan.stages
    outside = front.model_copy(update={"operators": "0-9"})
    with pytest.raises(CannotPlace, match="the plan's stage0: '0-9' is outside"):
        refined(plan.model_copy(update={"stages": (outside, back)}))
    for operators, said in (("0-2", "it is in no group"), ("0-4", "it is in two groups")):
        other = front.model_copy(update={"operators": operators})
        with pytest.raises(CannotCut, match=said):
            refined(plan.model_copy(update={"stages": (other, back)}))


def test_what_must_stay_together_is_not_scored_apart() -> None:
    """A plan that was written by hand, or before a model's operators were known to belong."""
    tied = graph([FIRST_INPUT], [0], [1], [2], crosses={1: "cannot cross a cut"})
    devices = tuple(device(name, profile(4, *[10.0] * 4)) for name in ("a", "b"))
    plan = plan_file(MODEL, planned(tied, devices, PERIOD))
    front, back = (
        PlannedStage(name=name, device=name, operators=some, work_ms=20)
        for name, some in (("a", "0-1"), ("b", "2-3"))
    )
    with pytest.raises(CannotCut, match="cannot cross a cut"):
        refine(tied, devices, plan.model_copy(update={"stages": (front, back)}), [], PERIOD)
