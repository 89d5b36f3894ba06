"""``edgechain profile --links`` measures a fleet's links, and ``plan --links`` counts with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgechain.cli.app import run
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan.files import read_links
from edgechain.spec.chain import ModelSource
from edgechain.spec.document import render
from edgechain.spec.profile import DeviceProfile
from tests.chain import chains
from tests.commands import Edgechain
from tests.model.made import row

pytestmark = pytest.mark.once

NODES = ("two-first", "two-last")
PAIRS = [NODES, NODES[::-1]]
COSTS = ("send_ms_per_mb", "receive_ms_per_mb", "message_ms")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    stages = (
        chains.actor("first", "Affine", "x", "a"),
        chains.actor("last", "Affine", "a", "y"),
    )
    return chains.write(tmp_path / "two", chains.connected("two", *stages))


@pytest.mark.processes
def test_every_link_is_measured_in_both_directions(edgechain: Edgechain, two: Path) -> None:
    with edgechain.up(two, "two"):
        words = ("profile", "--links", "--seconds", "0.2")
        said = edgechain(*words, "--json", "-o", "links.yaml").json()["links"]
        shown = edgechain(*words).out
    assert [(one["from"], one["to"]) for one in said] == PAIRS
    found = read_links(edgechain.folder / "links.yaml").links
    for one in said:
        link = found[one["from"]][one["to"]]
        assert link.mbit == one["mbit"] > 10
        assert link.ms == pytest.approx(one["round_trip_ms"] / 2, abs=0.001)
        for cost in COSTS:
            assert 0 < one[cost] < 1000
            assert getattr(link, cost) == one[cost]
    head, *lines = shown.splitlines()
    assert all(words in head for words in ("send ms/MB", "receive ms/MB", "message ms"))
    rows = [line.split() for line in lines]
    assert [row[:2] for row in rows] == list(map(list, PAIRS))
    assert all(float(figure) > 0 for row in rows for figure in row[2:])
    assert {len(row) for row in rows} == {4 + len(COSTS)}


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        ((), 1, "links are between nodes; those that answer in 'test-"),
        (("--seconds", "11"), 2, "stands without MODEL and --on, and with 10 s at most"),
        (("row.tflite",), 2, "stands without MODEL and --on"),
        (("--on", "pi-a"), 2, "stands without MODEL and --on"),
    ],
)
def test_what_is_wrong_is_one_line(
    edgechain: Edgechain, words: tuple[str, ...], status: int, reason: str
) -> None:
    assert reason in edgechain("profile", "--links", *words, status=status).refusal()


def devices(folder: Path, model: Path) -> None:
    """Two boards on which every operator takes 10 ms, between which next to nothing is carried."""
    whole = read_model(model)
    for name, other in (("pi-a", "pi-b"), ("pi-b", "pi-a")):
        profile = DeviceProfile(
            device=name,
            model=ModelSource(file=model.name, sha256=whole.sha256),
            interpreter="litert",
            threads=1,
            operator_ms=(10.0,) * len(graph_of(whole).operators),
        )
        (folder / f"{name}.profile").write_text(render(profile))
        words = f"profiles: [{name}.profile], links: {{{other}: {{mbit: 0.001}}}}"
        lines = f"name: {name}\ninsecure: true\nchain: none\ndevice: {{{words}}}\n"
        (folder / f"{name}.yaml").write_text(lines)


def test_a_plan_counts_with_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, links = tmp_path / "row.tflite", tmp_path / "links"
    model.write_bytes(row(6).content())
    devices(tmp_path, model)
    links.write_text(
        "links:\n  pi-a:\n    pi-b: {mbit: 900, ms: 0.2}\n"
        "  pi-b:\n    pi-a: {mbit: 900, ms: 0.2}\n    pi-c: {mbit: 1, ms: 9}\n"
    )
    words = ["plan", str(model), "--devices", str(tmp_path / "*.yaml"), "--json"]
    assert run(words) == 0
    assert not json.loads(capsys.readouterr().out)["split"]
    assert run([*words, "--links", str(links)]) == 0
    assert json.loads(capsys.readouterr().out)["split"]


def test_a_plan_counts_with_what_links_cost_processors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, links = tmp_path / "row.tflite", tmp_path / "links"
    model.write_bytes(row(6).content())
    devices(tmp_path, model)
    words = ["plan", str(model), "--devices", str(tmp_path / "*.yaml"), "--json"]
    for cost, splits in ((0.0, True), (1e8, False)):  # then no byte may come to pi-b
        there = f"{{mbit: 900, ms: 0.2, receive_ms_per_mb: {cost}}}"
        back = "{mbit: 900, ms: 0.2}"
        links.write_text(f"links:\n  pi-a: {{pi-b: {there}}}\n  pi-b: {{pi-a: {back}}}\n")
        assert run([*words, "--links", str(links)]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["split"] is splits


def test_a_file_with_a_mistake_is_shown_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, links = tmp_path / "row.tflite", tmp_path / "links"
    model.write_bytes(row(6).content())
    devices(tmp_path, model)
    links.write_text("links:\n  pi-a:\n    pi-b: {mbit: fast}\n")
    words = ["plan", str(model), "--devices", str(tmp_path / "*.yaml"), "--links", str(links)]
    assert run(words) == 1
    assert f"{links}:3:12: links.pi-a.pi-b.mbit" in capsys.readouterr().err
    assert run(["plan", "--problem", "p.json", "--links", str(links)]) == 2
