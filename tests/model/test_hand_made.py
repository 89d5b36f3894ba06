from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import CannotCut, InvalidDocument
from edgechain.model.graph import graph_of
from edgechain.model.hand_made import read_plan, read_planned
from tests.model.made import diamond

MODEL = diamond().model()
GRAPH = graph_of(MODEL)
ACTOR = (
    "  - {name: pre, actor: 'pre:Do', inputs: [{name: p, dtype: uint8, shape: [1]}],\n"
    "     outputs: [{name: input, dtype: float32, shape: [1, 4]}]}\n"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "parts.yaml"
    path.write_text(f"stages:\n{text}")
    return path


def test_groups_and_names_are_those_written(tmp_path: Path) -> None:
    path = written(tmp_path, "  - {name: a, operators: '0, 3-'}\n  - {name: b, operators: 1-2}\n")
    with pytest.raises(CannotCut, match="circle"):
        read_plan(path, GRAPH)
    path = written(tmp_path, "  - {name: b, operators: '1-'}\n  - {name: a, operators: 0}\n")
    plan = read_plan(path, GRAPH)
    assert (plan.names, plan.partition.groups) == (("b", "a"), ((1, 2, 3, 4), (0,)))


def test_an_actor_takes_its_source_along_when_it_lies_there(tmp_path: Path) -> None:
    path = written(tmp_path, f"{ACTOR}  - {{name: a, operators: 0-}}\n")
    assert read_plan(path, GRAPH).actors[0].source is None
    (tmp_path / "pre.py").write_text("class Do: ...\n")
    actor = read_plan(path, GRAPH).actors[0]
    assert (actor.file, actor.source) == ("pre.py", b"class Do: ...\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  - {name: a, operators: 0-9}\n", r"stages\.0\.operators: '0-9' is outside"),
        ("  - {name: a, operators: x}\n", "'x' is not a range"),
        (
            "  - {name: a, operators: 0}\n  - {name: a, operators: 1-}\n",
            "two stages are called 'a'",
        ),
        (ACTOR, "no stage has operators"),
        ("  - {name: a}\n", r"parts\.yaml:2:5"),
        ("  - [\n", "is not YAML"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidDocument, match=said):
        read_plan(written(tmp_path, text), GRAPH)


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "parts.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidDocument, match="UTF-8"):
        read_plan(tmp_path / "parts.yaml", GRAPH)
    with pytest.raises(InvalidDocument, match="cannot be read"):
        read_plan(tmp_path / "none.yaml", GRAPH)
    with pytest.raises(InvalidDocument, match="cannot be read"):
        read_plan(tmp_path, GRAPH)


def planned(folder: Path, packed: str) -> Path:
    """A plan: the fork on one board, the join and what follows it on another."""
    path = folder / "a.plan"
    path.write_text(
        f"model: {{file: {MODEL.file}, sha256: {MODEL.sha256}}}\n"
        "objective: latency\nperiod_ms: 2.0\nlatency_ms: 2.0\nlower_bound_ms: 1.0\n"
        "stages:\n"
        "  - {name: one, device: a, operators: 0-1, work_ms: 1.0}\n"
        "  - {name: two, device: b, operators: 2-4, work_ms: 1.0}\n"
        f"packed: {packed}\n"
    )
    return path


def test_a_plan_says_what_crosses_packed(tmp_path: Path) -> None:
    plan = read_planned(planned(tmp_path, "[b, a]"), MODEL, GRAPH)
    assert (plan.packed, plan.names) == (("b", "a"), ("one", "two"))
    assert read_planned(planned(tmp_path, "[]"), MODEL, GRAPH).packed == ()


@pytest.mark.parametrize("name", ["input", "c", "d", "e", "wb", "nothing"])
def test_what_no_stage_hands_to_another_cannot(tmp_path: Path, name: str) -> None:
    """An input, what stays inside a stage, an output, a weight, and what is not there."""
    said = rf"a\.plan: packed\.1: '{name}' is no tensor that only stages hand to each other"
    with pytest.raises(InvalidDocument, match=said):
        read_planned(planned(tmp_path, f"[a, {name}]"), MODEL, GRAPH)
