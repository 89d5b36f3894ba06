"""inspect, split and verify as people and scripts call them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import render
from tests.cli.answers import Call
from tests.model.made import Made, diamond, row


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(tmp_path, diamond())


def written(folder: Path, made: Made) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(made.content())
    return path


def test_inspect_says_what_a_script_needs(call: Call, model: Path) -> None:
    answer = call("inspect", model, "--json")
    assert answer.status == 0
    assert answer.json()["operators"] == 5
    assert (
        answer.json()["inputs"][0] | {"name": "input", "dtype": "float32", "shape": [1, 4]}
        == (answer.json()["inputs"][0])
    )
    assert [port["name"] for port in answer.json()["outputs"]] == ["e"]
    assert answer.json()["parameters"] == 8
    assert answer.json()["macs"] == 0
    assert answer.json()["cuts"][1] == {"after": 1, "tensors": ["a", "b"], "bytes": 32}


def test_inspect_for_people(call: Call, model: Path) -> None:
    answer = call("inspect", model)
    assert answer.status == 0
    for word in ("5 operators", "Signature", "labels", "ADD", "32 B in 2"):
        assert word in answer.out


@pytest.mark.parametrize(
    ("choice", "stages"),
    [
        (("--stages", 3), 3),
        (("--stages", 1), 1),
        ((), 2),
        (("--cut", "a"), 2),
        (("--cut", "a", "--cut", "d"), 3),
    ],
)
def test_split_then_verify(
    call: Call, model: Path, tmp_path: Path, choice: tuple[object, ...], stages: int
) -> None:
    made = call("split", model, "-o", tmp_path / "chain", *choice, "--json")
    assert made.status == 0
    assert made.json()["equal"] is True
    assert len(made.json()["stages"]) == stages
    assert len(load_manifest(tmp_path / "chain").stages) == stages
    proved = call("verify", tmp_path / "chain", "--model", model, "--runs", 2, "--json")
    assert proved.status == 0
    assert (proved.json()["equal"], proved.json()["runs"]) == (True, 2)


def test_split_by_a_partition_file(call: Call, model: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts.yaml"
    parts.write_text(
        "stages:\n  - {name: fork, operators: 0}\n  - {name: left, operators: 1}\n"
        "  - {name: right, operators: 2}\n  - {name: join, operators: 3-}\n"
    )
    answer = call("split", model, "-o", tmp_path / "chain", "--partition", parts)
    assert answer.status == 0
    assert "Equal to the whole model to the last bit" in answer.out
    names = [stage.name for stage in load_manifest(tmp_path / "chain").stages]
    assert names == ["fork", "left", "right", "join"]


def test_given_inputs_are_proved_too(call: Call, model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", input=np.ones((1, 4), np.float32))
    given = ("--input", tmp_path / "in.npz", "--json")
    made = call("split", model, "-o", tmp_path / "chain", *given)
    assert (made.json()["given_runs"], made.json()["runs"]) == (1, 5)
    proved = call("verify", tmp_path / "chain", "--model", model, *given)
    assert proved.json()["given_runs"] == 1


def test_unequal_parts_are_found_out(call: Call, model: Path, tmp_path: Path) -> None:
    """The control: another weight in one stage, with a manifest that vouches for it."""
    chain = tmp_path / "chain"
    assert call("split", model, "-o", chain, "--cut", "a").status == 0
    manifest = load_manifest(chain)
    stage = manifest.stages[1]
    content = (chain / str(stage.file)).read_bytes()
    changed = content.replace(np.float32(5).tobytes(), np.float32(6).tobytes())
    changed = changed.replace(np.float32(3).tobytes(), np.float32(9).tobytes())
    assert changed != content
    (chain / str(stage.file)).write_bytes(changed)
    stages = (manifest.stages[0], stage.model_copy(update={"sha256": sha(changed)}))
    fields = {name: getattr(manifest, name) for name in ChainManifest.model_fields}
    fields = {k: v for k, v in fields.items() if k not in {"format", "generation", "stages"}}
    (chain / "chain.yaml").write_text(render(ChainManifest.sealed(**fields, stages=stages)))
    answer = call("verify", chain, "--model", model, "--json")
    assert answer.status == 1
    assert answer.json()["equal"] is False
    assert answer.json()["difference"]["output"] == "e"
    assert "run 0, output 'e'[0, " in answer.last_complaint()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [
        ("--stages", 0),
        ("--stages", -1),
        ("--stages", 6),
        ("--stages", "two"),
        ("--stages", 2, "--cut", "a"),
        ("--cut", "a", "--partition", "x.yaml"),
        ("--max-batch", 0),
        ("--nonsense",),
    ],
)
def test_wrong_usage_is_two(
    call: Call, model: Path, tmp_path: Path, wrong: tuple[object, ...]
) -> None:
    answer = call("split", model, "-o", tmp_path / "chain", *wrong)
    assert answer.status == 2
    assert answer.last_complaint()
    assert not (tmp_path / "chain").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"x" * 100, "not a .tflite"), (row(3).content()[:300], "model.tflite")],
)
@pytest.mark.parametrize("command", [("inspect",), ("split", "-o", "OUT")])
def test_bad_models_are_one_line_and_nothing_is_written(
    call: Call, tmp_path: Path, command: tuple[str, ...], content: bytes, said: str
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    options = [tmp_path / "chain" if word == "OUT" else word for word in command[1:]]
    answer = call(command[0], path, *options)
    assert answer.status == 1
    assert said in answer.last_complaint()
    assert answer.out == ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.tflite"]


def test_json_goes_out_alone_and_progress_to_the_other_side(
    call: Call, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgechain.cli.output.LINE_EVERY", 0.0)
    answer = call("split", model, "-o", tmp_path / "chain", "--json")
    assert answer.out.startswith("{")
    assert "proving equality" in answer.error
    assert "proving" not in answer.out


def test_what_is_soon_done_says_nothing_beside_its_answer(
    call: Call, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgechain.cli.output.LINE_EVERY", 3600.0)
    assert call("split", model, "-o", tmp_path / "chain").error == ""


def test_another_model_is_not_compared(call: Call, model: Path, tmp_path: Path) -> None:
    assert call("split", model, "-o", tmp_path / "chain").status == 0
    model.write_bytes(row(3).content())
    answer = call("verify", tmp_path / "chain", "--model", model)
    assert answer.status == 1
    assert "was cut from model.tflite with sha256" in answer.last_complaint()
