"""``status --plan`` and ``plan --refine``: what was predicted beside what real nodes measure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgechain as package
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan.files import read_plan
from edgechain.plan.measured import LEAST_RUNS
from edgechain.spec.chain import ModelSource
from edgechain.spec.document import render
from edgechain.spec.partition_file import parse_operators
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.profile import DeviceProfile
from tests.commands import Edgechain
from tests.model.made import row
from tests.watch.needs import ROOT

pytestmark = [pytest.mark.may_block, pytest.mark.once]

DIGITS = ROOT / "tools" / "demo" / "digits.tflite"
NOW = ("--listen", "0")


@dataclass(frozen=True)
class Fleet:
    """Boards by their files, with profiles of one model, and the command line beside them."""

    edgechain: Edgechain
    model: Path

    def board(self, name: str, **by_threads: tuple[float, float]) -> None:
        """A board; ``t2=(1, 3)``: with two threads operators take 1 ms, those behind half 3 ms."""
        model = read_model(self.model)
        source = ModelSource(file=self.model.name, sha256=model.sha256)
        count = len(graph_of(model).operators)
        for key, (front, back) in by_threads.items():
            ms = [front] * (count // 2) + [back] * (count - count // 2)
            one = DeviceProfile(
                device=name,
                model=source,
                interpreter="litert",
                threads=int(key[1:]),
                operator_ms=tuple(ms),
            )
            (self.edgechain.folder / f"{name}-{key}.profile").write_text(render(one))
        listed = ", ".join(f"{name}-{key}.profile" for key in by_threads)
        words = f"profiles: [{listed}], network: {{mbit: 1000000, ms: 0}}"
        config = f"name: {name}\ninsecure: true\nchain: none\nthreads: 4\ndevice: {{{words}}}\n"
        (self.edgechain.folder / f"{name}.yaml").write_text(config)

    def plan(self, *words: str | Path, status: int = 0) -> Any:
        """``edgechain plan`` for all the boards."""
        return self.edgechain("plan", self.model, "--devices", "*.yaml", *words, status=status)

    def written(self, name: str) -> PlanFile:
        return read_plan(self.edgechain.folder / name)

    def operators(self, name: str, device: str) -> int:
        """How many of them a plan gives to a device."""
        count = len(graph_of(read_model(self.model)).operators)
        shares = (s for s in self.written(name).stages if s.device == device)
        return sum(len(parse_operators(str(s.operators), count)) for s in shares)


@pytest.fixture
def fleet(tmp_path: Path, state_dir: Path) -> Fleet:
    """A fast board, say the profiles, and a slow one."""
    made = Fleet(Edgechain(tmp_path, state_dir), DIGITS)
    made.board("fast", t4=(1.0, 1.0))
    made.board("slow", t4=(4.0, 4.0))
    return made


async def ask(fleet: Fleet, name: str, times: int) -> None:
    """So many requests, each answered."""
    frame = np.zeros((1, 160, 160, 3), np.uint8)
    async with package.connect(name, namespace=fleet.edgechain.namespace(), timeout=60) as chain:
        async for result in chain.stream([frame] * times):
            assert result.error is None


@pytest.mark.processes
async def test_predicted_stands_beside_measured_and_the_plan_follows(fleet: Fleet) -> None:
    """In truth both boards are this machine, and no operator takes as long as another.

    Of so many operators each, the first half takes about twice as long as the second one.
    """
    fleet.board("slow", t4=(1.2, 1.2))
    run = fleet.edgechain
    fleet.plan("-o", "old.plan")
    old = fleet.written("old.plan")
    run("split", DIGITS, "--plan", "old.plan", "-o", "digits")
    with run.up(run.folder / "digits", "heat") as name:
        await ask(fleet, name, 2 * LEAST_RUNS)
        nodes = run("status", *NOW, "--plan", "old.plan", "--json").json()["nodes"]
        told = run("status", *NOW, "--plan", "old.plan").out
        refined = fleet.plan("--refine", "old.plan", *NOW, "-o", "new.plan", "--json").json()
        said = fleet.plan("--refine", "old.plan", *NOW).out
    stages = {stage["name"]: stage for node in nodes for stage in node["stages"]}
    for planned in old.stages:
        stage = stages[planned.name]
        assert stage["ran"] == 2 * LEAST_RUNS
        assert (stage["planned_for"], stage["predicted_ms"]) == (planned.device, planned.work_ms)
        assert stage["ratio"] == pytest.approx(stage["mean_ms"] / planned.work_ms)
        assert f"{planned.work_ms:.2f}" in told
    assert "predicted ms  measured/predicted" in told
    (link,) = (link for node in nodes for link in node["links"] if link["state"] == "up")
    assert 0 < link["round_trip_ms"] < 10_000
    assert f"heat-stage1  up     {link['round_trip_ms']:.2f}" in told
    check_refined(refined, old, stages)
    assert fleet.operators("new.plan", "fast") != fleet.operators("old.plan", "fast")
    assert "predicted ms  measured ms  ratio" in said
    assert "the old plan now: " in said
    assert " times as fast" in said


def check_refined(told: dict[str, Any], old: PlanFile, stages: dict[str, Any]) -> None:
    """What was measured is what the nodes said, and the new plan is better than the old one."""
    refined = told["refined"]
    for planned, one in zip(old.stages, refined["stages"], strict=True):
        assert (one["stage"], one["device"]) == (planned.name, planned.device)
        assert one["nodes"] == [f"heat-{planned.name}"]
        assert one["predicted_ms"] == pytest.approx(planned.work_ms)
        assert one["measured_ms"] == pytest.approx(stages[planned.name]["mean_ms"])
        assert one["ratio"] == pytest.approx(one["measured_ms"] / one["predicted_ms"])
    assert refined["not_measured"] == []
    assert not refined["kept"]
    slowest = max(one["measured_ms"] for one in refined["stages"])
    assert refined["old"]["period_ms"] == pytest.approx(slowest, rel=0.01)
    assert told["period_ms"] < refined["old"]["period_ms"]
    assert refined["gain"] == pytest.approx(refined["old"]["period_ms"] / told["period_ms"])


@pytest.mark.processes
async def test_what_is_no_measurement_is_said(fleet: Fleet, tmp_path: Path) -> None:
    run = fleet.edgechain
    fleet.plan("-o", "old.plan")
    run("split", DIGITS, "--plan", "old.plan", "-o", "digits")
    (tmp_path / "row.tflite").write_bytes(row().content())
    with run.up(run.folder / "digits", "cold") as name:
        await ask(fleet, name, LEAST_RUNS - 1)
        node, *_ = run("status", *NOW, "--plan", "old.plan", "--json").json()["nodes"]
        assert node["stages"][0]["ratio"] is None
        said = fleet.plan("--refine", "old.plan", *NOW, "-o", "new.plan").out
        first, _ = fleet.written("old.plan").stages
        assert (
            f"stage0 ran 9 times on {first.device}, which is no measurement (10 times are one)"
            in said
        )
        assert "not measured, their times stay: fast, slow" in said
        assert "no better one was found" in said
        assert fleet.written("new.plan") == fleet.written("old.plan")
        other = Fleet(run, tmp_path / "row.tflite")
        other.board("fast", t4=(1.0, 1.0))
        other.board("slow", t4=(1.0, 1.0))
        other.plan("-o", "row.plan")
        told = run("status", *NOW, "--plan", "row.plan")
        assert told.err.startswith("row.plan is a plan for row.tflite (")
        assert told.err.endswith("and no node here runs a stage of it\n")
        refusal = other.plan("--refine", "row.plan", *NOW, status=1).refusal()
        assert "row.plan: no node that answers runs a stage of this plan" in refusal


def test_a_plan_of_another_model_is_refused_before_anybody_is_asked(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "row.tflite").write_bytes(row().content())
    fleet.plan("-o", "old.plan")
    refusal = Fleet(fleet.edgechain, tmp_path / "row.tflite").plan("--refine", "old.plan", status=1)
    assert "old.plan: model: is for another model (digits.tflite" in refusal.refusal()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--refine", "p", "--objective", "both"), "choose one --objective to refine for"),
        (("--listen", "1"), "go with --refine"),
        (("--refine", "p.svg", "--plot", "p.svg"), "would replace"),
    ],
)
def test_wrong_usage(fleet: Fleet, words: tuple[str, ...], said: str) -> None:
    assert said in fleet.plan(*words, status=2).refusal()


def test_the_number_of_threads_follows_from_the_share(fleet: Fleet) -> None:
    """Two threads are quicker for the first half of the model, four for all of it."""
    fleet.board("fast", t2=(1.0, 9.0), t4=(2.0, 2.0))
    fleet.board("slow", t4=(90.0, 1.0))
    said = fleet.plan("-o", "digits.plan").out
    stages = fleet.written("digits.plan").stages
    assert [(stage.device, stage.threads) for stage in stages] == [("fast", 2), ("slow", 4)]
    assert "device  threads  units" in said
    assert "fast does its share sooner with `threads: 2`; its file says 4" in said
    told = fleet.plan("--json").json()
    assert [(one["device"], one["threads"]) for one in told["groups"]] == [("fast", 2), ("slow", 4)]
    both = fleet.plan("--objective", "both", "--json").json()
    assert both[1] == {"plan": "for throughput"} | told
