"""A model over the boards that device files describe: planned, written, cut after the plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgechain.cli.app import run
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ChainManifest, ModelSource
from edgechain.spec.document import parse, render
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.profile import DeviceProfile, Packing
from tests.watch.needs import SHARED

pytestmark = [pytest.mark.models, pytest.mark.once]

MODELS = SHARED / "models"
MODEL = MODELS / "mobilenet_v2_1.0_224_quant.tflite"


def device(folder: Path, name: str, words: str = "board: pi-4") -> Path:
    """A device's file."""
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\ninsecure: true\nchain: none\ndevice: {{{words}}}\n")
    return path


def measured(
    folder: Path,
    name: str,
    ms: float,
    first_ms: float | None = None,
    packing: Packing | None = None,
) -> str:
    """A profile in which every operator takes so long, and the first one perhaps longer."""
    model = read_model(MODEL)
    count = len(graph_of(model).operators)
    profile = DeviceProfile(
        device=name,
        model=ModelSource(file=MODEL.name, sha256=model.sha256),
        interpreter="litert",
        threads=1,
        operator_ms=(ms if first_ms is None else first_ms, *(ms,) * (count - 1)),
        packing=packing,
    )
    (folder / f"{name}.profile").write_text(render(profile))
    return f"{name}.profile"


def planned(*arguments: object) -> int:
    """Run the command."""
    return run(["plan", *map(str, arguments)])


def test_what_reads_the_camera_stays_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slow as it is: in its own file, or for once."""
    for name, ms in (("slow", 4.0), ("fast", 1.0)):
        device(tmp_path, name, f"profiles: [{measured(tmp_path, name, ms)}], network: {{ms: 0}}")
    devices = ("--devices", tmp_path / "*.yaml", "--json")
    assert planned(MODEL, *devices, "--pin", "input=slow", "--pin", "output=fast") == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert [group["device"] for group in groups] == ["slow", "fast"]
    device(tmp_path, "slow", "board: pi-4, pinned: [output]")
    assert planned(MODEL, *devices) == 0
    assert json.loads(capsys.readouterr().out)["groups"][-1]["device"] == "slow"
    assert planned(MODEL, *devices, "--pin", "input") == 2
    assert "should be WHAT=DEVICE" in capsys.readouterr().err


def test_equal_boards_share_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        device(tmp_path, name, f"profiles: [{measured(tmp_path, name, 1.0)}], network: {{ms: 0}}")
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["exact"]
    assert document["split"]
    assert sorted(group["work_ms"] for group in document["groups"]) == [22.0, 22.0, 22.0]


def test_a_plan_is_cut_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, words in (("a", "board: pi-4"), ("b", "board: pi-5")):
        device(tmp_path, name, words)
    out, chain = tmp_path / "plan.out", tmp_path / "chain"
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "-o", out) == 0
    assert "not measured: a, b" in capsys.readouterr().out
    plan = parse(PlanFile, out.read_text(), file="plan")
    assert run(["split", str(MODEL), "--plan", str(out), "-o", str(chain)]) == 0
    assert "Equal to the whole model to the last bit" in capsys.readouterr().out
    manifest = parse(ChainManifest, (chain / "chain.yaml").read_text(), file="chain")
    assert [(s.name, s.operators) for s in plan.stages] == [
        (s.name, s.operators) for s in manifest.stages
    ]
    assert {stage.device for stage in plan.stages} == {"a", "b"}


def test_a_plan_with_copies_is_cut_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No board holds all of it, and what takes longest cannot be cut: two boards take turns."""
    for name in "abc":
        profile = measured(tmp_path, name, 1.0, first_ms=100.0)
        device(tmp_path, name, f"profiles: [{profile}], memory_mb: 7, network: {{ms: 0}}")
    out, chain = tmp_path / "plan.out", tmp_path / "chain"
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "--copies", "-o", out) == 0
    assert "2 stages on " in capsys.readouterr().out
    plan = parse(PlanFile, out.read_text(), file="plan")
    devices = [name for stage in plan.stages for name in (stage.device, *stage.copies)]
    assert (len(plan.stages), sorted(devices)) == (2, ["a", "b", "c"])
    assert run(["split", str(MODEL), "--plan", str(out), "-o", str(chain)]) == 0
    assert "Equal to the whole model to the last bit" in capsys.readouterr().out
    manifest = parse(ChainManifest, (chain / "chain.yaml").read_text(), file="chain")
    assert [s.operators for s in plan.stages] == [s.operators for s in manifest.stages]


def test_the_whole_model_on_every_board_is_one_stage(tmp_path: Path) -> None:
    for name in "ab":
        device(tmp_path, name)
    out = tmp_path / "plan.out"
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "--copies", "-o", out) == 0
    plan = parse(PlanFile, out.read_text(), file="plan")
    assert [(stage.device, stage.copies) for stage in plan.stages] == [("a", ("b",))]
    assert plan.estimated == ("a", "b")
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "-o", out) == 0
    assert "copies" not in out.read_text()


def test_one_fast_board_beats_every_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device(tmp_path, "fast", f"profiles: [{measured(tmp_path, 'fast', 0.1)}]")
    for name in ("slow", "other"):
        device(tmp_path, name, f"profiles: [{measured(tmp_path, name, 10)}]")
    assert planned(MODEL, "--devices", tmp_path / "*.yaml") == 0
    assert "do not split: fast alone is as fast as any split of it" in capsys.readouterr().out


def test_the_widest_cut_does_not_cross_a_slow_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        words = f"profiles: [{measured(tmp_path, name, 1.0)}], network: {{mbit: 35, ms: 1}}"
        device(tmp_path, name, words)
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["split"]
    widest = 1_204_224 / (35e6 / 8) * 1000  # 112 x 112 x 96 bytes
    assert document["period_ms"] < widest / 4


@pytest.mark.parametrize(("mbit", "packs"), [(10, True), (940, False)])
def test_what_crosses_slow_wifi_is_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mbit: int, packs: bool
) -> None:
    """The client is beside the boards; only between them it is slow."""
    graph = graph_of(read_model(MODEL))
    shares = {tensor.name: 0.6 for tensor in graph.tensors.values()}
    packing = Packing(pack_ms_per_mb=15, unpack_ms_per_mb=5, shares=shares)
    for name, other in ("ab", "ba"):
        profile = measured(tmp_path, name, 1.0, packing=packing)
        end = "input" if name == "a" else "output"
        words = (
            f"profiles: [{profile}], pinned: [{end}], links: {{{other}: {{mbit: {mbit}, ms: 1}}}}"
        )
        device(tmp_path, name, words)
    out = tmp_path / "plan.out"
    wanted = ("--devices", tmp_path / "*.yaml", "--objective", "latency")
    assert planned(MODEL, *wanted, "-o", out) == 0
    said, plan = capsys.readouterr().out, parse(PlanFile, out.read_text(), file="plan")
    assert planned(MODEL, *wanted, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [bool(plan.packed), "packed" in document, "  packed   " in said] == [packs] * 3
    if packs:
        assert [one["unit"] for one in document["packed"]] == list(plan.packed)
        assert "  packed   0.60 of " in said
        assert run(["split", str(MODEL), "--plan", str(out), "-o", str(tmp_path / "chain")]) == 0
        assert load_manifest(tmp_path / "chain").packed == plan.packed


def test_an_operator_that_a_board_cannot_run_goes_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device(tmp_path, "a", "board: pi-5, cannot: [SOFTMAX]")
    device(tmp_path, "b", "board: pi-zero-2w")
    assert planned(MODEL, "--devices", tmp_path / "*.yaml", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    (last,) = (group for group in document["groups"] if group["device"] == "b")
    assert last["units"][-1] == "MobilenetV2/Predictions/Softmax"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("board: pi-9", "nothing is known of board 'pi-9'; measure it with edgechain profile"),
        ("bord: pi-4", "a.yaml:4:10: device.bord: is no key that is known here"),
        ("profiles: [none.yaml]", "none.yaml: cannot be read"),
        ("memory_mb: 5", "needs 5,218,624 bytes; no device that can run it has them"),
        ("memory_mb: 6", "all units need"),
    ],
)
def test_what_is_wrong_with_a_device_is_said(
    words: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = device(tmp_path, "a", words)
    out = tmp_path / "plan.out"
    assert planned(MODEL, "--devices", path, "-o", out) == 1
    assert complaint in capsys.readouterr().err
    assert not out.exists()


def test_a_plan_for_another_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device(tmp_path, "a")
    out = tmp_path / "plan.out"
    assert planned(MODEL, "--devices", tmp_path / "a.yaml", "-o", out) == 0
    other = MODELS / "yamnet.tflite"
    assert run(["split", str(other), "--plan", str(out), "-o", str(tmp_path / "chain")]) == 1
    assert "is for another model" in capsys.readouterr().err
    assert not (tmp_path / "chain").exists()


@pytest.mark.parametrize(
    "arguments",
    [(), (MODEL,), ("--devices", "a.yaml"), (MODEL, "--problem", "p.json"), ("-o", "x")],
    ids=str,
)
def test_wrong_usage(arguments: tuple[object, ...]) -> None:
    assert planned(*arguments) == 2
