"""From what devices measured of packing to what a plan says crosses packed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgechain.plan.packed_tensors import packed_shares, packed_units
from edgechain.plan.refine import refine
from edgechain.plan.threads import Planned, planned, planned_with_copies, traded_on
from edgechain.plan.topology import Device, problem_on
from edgechain.plan.written import plan_file
from edgechain.spec.chain import ModelSource
from edgechain.spec.document import parse, render
from edgechain.spec.graph import OpGraph
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.problem import Objective
from edgechain.spec.profile import DeviceProfile, Packing
from edgechain.spec.topology import DeviceConfig, NetworkConfig
from tests.spec.graphs import FIRST_INPUT, graph

MODEL = ModelSource(file="row.tflite", sha256="0" * 64)
PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY


def large(made: OpGraph, **dtypes: str) -> OpGraph:
    """The same with a megabyte in every tensor between operators, some of another dtype."""
    tensors = {
        index: replace(one, nbytes=1_000_000, dtype=dtypes.get(one.name, one.dtype))
        if index in made.producer and index not in made.outputs
        else one
        for index, one in made.tensors.items()
    }
    return replace(made, tensors=tensors)


ROW = large(graph([FIRST_INPUT], [0], [1], [2]))
"""Four operators, one after the other: t0, t1 and t2 lie between them."""


def packing(**shares: float) -> Packing:
    return Packing(pack_ms_per_mb=15, unpack_ms_per_mb=5, shares=shares)


def device(name: str, mbit: float, of: Packing | None, pinned: str, threads: int = 1) -> Device:
    """Operators of 20 ms each."""
    profile = DeviceProfile(
        device=name,
        model=MODEL,
        interpreter="litert",
        threads=threads,
        operator_ms=(20.0,) * 4,
        packing=of,
    )
    config = DeviceConfig(network=NetworkConfig(mbit=mbit, ms=1), pinned=(pinned,))
    return Device(name, config, threads, profile)


def two(mbit: float, one: Packing | None, other: Packing | None) -> list[Device]:
    """The first operator is a's, the last one b's."""
    return [device("a", mbit, one, "0"), device("b", mbit, other, "3")]


def test_the_largest_share_that_was_measured_counts() -> None:
    assert packed_shares(ROW, [packing(t0=0.5, t1=0.7), packing(t0=0.6, t1=0.2, t2=0.9)]) == {
        0: 0.6,
        1: 0.7,
        2: 0.9,
    }


def test_what_nobody_measured_has_the_largest_share_of_its_dtype() -> None:
    made = large(graph([FIRST_INPUT], [0], [1], [2], [3]), t2="int8", t3="int8")
    assert packed_shares(made, [packing(t0=0.9, t2=0.6)]) == {0: 0.9, 1: 0.9, 2: 0.6, 3: 0.6}
    assert packed_shares(made, [packing(t0=0.9)]) == {0: 0.9, 1: 0.9}, "nothing is known of int8"
    assert packed_shares(made, [packing(t0=1.0, t2=0.6)]) == {2: 0.6, 3: 0.6}
    assert packed_shares(made, []) == {}


def test_the_clients_tensors_are_left_as_they_are() -> None:
    made = large(graph([FIRST_INPUT], [0], [1], [2], outputs=[0, 3]))
    known = packing(t0=0.5, t1=0.5, t3=0.5, t1000=0.5)
    assert packed_shares(made, [known]) == {1: 0.5, 2: 0.5}
    problem = problem_on(made, [device("a", 35, known, "0")]).problem
    assert [unit.packed_bytes for unit in problem.units] == [None, 500_000, 500_000, None]


def test_a_device_packs_as_it_was_measured_whatever_its_threads() -> None:
    old = device("a", 35, None, "0", threads=4)
    assert old.profile is not None
    new = old.profile.model_copy(update={"threads": 1, "packing": packing(t0=0.5)})
    every = replace(old, others=(new,)).variants
    assert [one.packing for one in every] == [packing(t0=0.5)] * 2
    board = problem_on(ROW, [every[0]]).problem.boards[0]
    assert (board.pack_seconds, board.unpack_seconds) == pytest.approx((15e-9, 5e-9))
    assert problem_on(ROW, [old]).problem.boards[0].pack_seconds is None


def packed_of(found: Planned) -> tuple[str, ...]:
    return plan_file(MODEL, found).packed


def test_a_plan_says_what_crosses_packed() -> None:
    known = packing(t0=0.9, t1=0.6, t2=0.9)
    found = planned(ROW, two(35, known, known), PERIOD)
    plan = plan_file(MODEL, found)
    assert plan.packed == ("t1",)
    assert [stage.operators for stage in plan.stages] == ["0-1", "2-3"]
    assert [stage.work_ms for stage in plan.stages] == [40.0, 40.0], "packing is no stage's work"
    assert plan.period_ms == pytest.approx(0.6 / 35 * 8 * 1000 + 1)
    assert plan.limits == "link a to b, packed to 0.60"
    assert parse(PlanFile, render(plan), file="plan") == plan


@pytest.mark.parametrize(
    ("mbit", "first", "second"),
    [(940, packing(t0=0.6), packing()), (35, packing(t0=0.6), None), (35, packing(), packing())],
    ids=["gigabit", "b cannot", "nothing known"],
)
def test_a_plan_without_packing_says_nothing_of_it(
    mbit: float, first: Packing | None, second: Packing | None
) -> None:
    found = planned(ROW, two(mbit, first, second), PERIOD)
    assert packed_of(found) == ()
    assert "packed" not in render(plan_file(MODEL, found))


def test_of_a_unit_only_what_crosses_is_named() -> None:
    """Operator 0 hands t0 to 1 and to 2, which may be apart, and both of them on to 3."""
    made = large(graph([FIRST_INPUT], [0], [0], [1, 2]))
    known = packing(t0=0.5, t1=0.5, t2=0.5)
    found = planned(made, two(35, known, known), PERIOD)
    stages = [stage.operators for stage in plan_file(MODEL, found).stages]
    crossing = {"0": ("t0",), "0-2": ("t1", "t2"), "0-1": ("t0", "t1"), "0,2": ("t0", "t2")}
    assert packed_of(found) == crossing[str(stages[0])]


def test_with_other_threads_the_bound_is_still_one_for_packing() -> None:
    known = packing(t0=0.6, t1=0.6, t2=0.6)
    slow = [replace(one, others=()) for one in two(35, known, known)]
    profiles = [one.profile for one in slow]
    assert profiles[0] is not None
    other = profiles[0].model_copy(update={"threads": 4, "operator_ms": (10.0,) * 4})
    found = planned(ROW, [replace(slow[0], others=(other,)), slow[1]], PERIOD)
    assert found.found.packed
    assert found.found.is_best_single


def test_copies_and_fronts_pack_as_well() -> None:
    known = packing(t0=0.6, t1=0.6, t2=0.6)
    devices = two(35, known, known)
    assert planned_with_copies(ROW, devices).found.packed
    options, complete = traded_on(ROW, devices)
    assert options[0].placement.packed
    assert complete.endswith("; not proved")
    for objective, option in zip((PERIOD, LATENCY), (options[0], options[-1]), strict=True):
        best = planned(ROW, devices, objective)
        assert option.placement.score.value(objective) <= best.value * (1 + 1e-9)


def test_an_old_plan_comes_to_what_it_packs() -> None:
    known = packing(t0=0.9, t1=0.6, t2=0.9)
    devices = two(35, known, known)
    plan = plan_file(MODEL, planned(ROW, devices, PERIOD))
    assert packed_units(problem_on(ROW, devices), plan.packed) == (1,)
    same = refine(ROW, devices, plan, [], PERIOD)
    assert same.new is same.old
    assert same.old.found.packed == (1,)
    unpacked = plan.model_copy(update={"packed": ()})
    better = refine(ROW, devices, unpacked, [], PERIOD)
    assert better.gain == pytest.approx((8 / 35 + 1e-3) / (0.6 * 8 / 35 + 1e-3))
    unable = refine(ROW, two(35, None, None), plan, [], PERIOD)
    assert unable.old.found.packed == ()
    assert unable.old.found.score.period == pytest.approx(8 / 35 + 1e-3)
