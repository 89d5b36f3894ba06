"""``edgechain config`` as people and scripts call it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from edgechain.spec.device_file import parse_device
from edgechain.spec.schema import device_schema
from tests.chain import chains
from tests.cli.answers import Call

CANARY = "hunter2canary"
GOOD = """\
substitutions: {board: a}
name: pi-${board}
chain: five
insecure: true
wifi: {ssid: x, password: !secret it, country: DE}
flash: {target: "ssh://pi@pi-${board}.local"}
"""


@pytest.fixture
def call(call: Call) -> Call:
    return partial(call, "config")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chains.write(tmp_path / "five", chains.five_stages())
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "secrets.yaml").write_text(f"it: {CANARY}\n")
    return tmp_path


def test_a_file_that_holds(call: Call, folder: Path) -> None:
    answer = call("check", folder / "a.yaml")
    assert (answer.status, answer.error) == (0, "")
    assert answer.out == f"{folder}/a.yaml: pi-a runs head, left, right, meet, tail of five\n"


def test_one_mistake_is_the_one_line(call: Call, folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD.replace("a}", "a b}"))
    answer = call("check", folder / "a.yaml")
    assert (answer.status, answer.out) == (1, "")
    reason = "name: 'pi-a b' has not the form that is wanted here"
    assert answer.error == f"edgechain: {folder}/a.yaml:2:1: {reason}\n"


def test_of_many_each_has_its_line(call: Call, folder: Path) -> None:
    (folder / "b.yaml").write_text(GOOD.replace("board: a", "board: b").replace("five", "six"))
    (folder / "c.yaml").write_text(GOOD.replace("!secret it", "!secret that"))
    answer = call("check", folder / "*.yaml")
    assert answer.status == 1
    first, second, third = answer.out.splitlines()
    assert first.startswith(f"{folder}/a.yaml: pi-a runs head")
    assert second.startswith(f"{folder}/b.yaml:3:1: chain: {folder}/six: there is no such direct")
    reason = f"wifi.password: there is no secret 'that' in {folder}/secrets.yaml"
    assert third == f"{folder}/c.yaml:5:27: {reason}"
    assert answer.error == "edgechain: 2 of 3 device files cannot be used\n"


def test_json_says_the_same(call: Call, folder: Path) -> None:
    (folder / "b.yaml").write_text(GOOD.replace("five", "six"))
    answer = call("check", folder / "a.yaml", folder / "b.yaml", "--json")
    assert answer.status == 1
    good, bad = answer.json()
    assert good == {
        "file": f"{folder}/a.yaml",
        "ok": True,
        "name": "pi-a",
        "chain": "five",
        "stages": ["head", "left", "right", "meet", "tail"],
        "notes": [],
    }
    assert not bad["ok"]
    assert bad["error"] == {
        "file": f"{folder}/b.yaml",
        "line": 2,
        "column": 1,
        "key": "name",
        "reason": f"pi-a is the name in {folder}/a.yaml already",
    }
    assert CANARY not in answer.out + answer.error


@pytest.mark.parametrize("name", ["secrets.yaml", "secrets.example.yaml"])
def test_secrets_beside_are_no_device_files(call: Call, folder: Path, name: str) -> None:
    (folder / "secrets.example.yaml").write_text("it: yours\n")
    assert len(call("check", folder / "*.yaml", "--json").json()) == 1
    alone = call("check", folder / name)
    assert alone.status == 1
    assert f"{folder}/{name}:1:1: it: is no key that is known here" in alone.error


def test_a_pattern_without_a_match_is_said(call: Call, folder: Path) -> None:
    answer = call("check", folder / "*.yml")
    assert (answer.status, answer.out) == (1, "")
    assert answer.error == f"edgechain: {folder}/*.yml: cannot be read: No such file or directory\n"


def test_show_makes_substitutions_and_covers_secrets(call: Call, folder: Path) -> None:
    answer = call("show", folder / "a.yaml")
    assert (answer.status, answer.error) == (0, "")
    assert "name: pi-a\n" in answer.out
    assert "target: ssh://pi@pi-a.local\n" in answer.out
    assert "password: '**********'\n" in answer.out
    told = call("show", folder / "a.yaml", "--json").json()
    assert (told["name"], told["port"]) == ("pi-a", 50551)
    assert told["wifi"] == {"ssid": "**********", "password": "**********", "country": "DE"}


def test_what_is_shown_can_be_read(call: Call, folder: Path) -> None:
    (folder / "a.yaml").write_text(GOOD.replace("chain: five", "chain: $${five}"))
    again = parse_device(call("show", folder / "a.yaml").out, file="shown.yaml").config
    assert again.chain == "${five}"


def test_schema_is_printed_and_says_how_it_is_used(call: Call, tmp_path: Path) -> None:
    answer = call("schema")
    assert answer.status == 0
    assert answer.json() == device_schema()
    assert "# yaml-language-server: $schema=device.schema.json" in answer.error
    assert '"yaml.customTags": ["!secret scalar"]' in answer.error
    written = call("schema", "-o", tmp_path / "ours.json")
    assert "# yaml-language-server: $schema=ours.json" in written.out
    assert json.loads((tmp_path / "ours.json").read_text()) == device_schema()
    again = call("schema", "-o", tmp_path / "ours.json")
    assert again.error == f"edgechain: {tmp_path}/ours.json: is there already; it is not replaced\n"
    assert again.status == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("check",), 2, "Missing argument 'files'. (try `edgechain config check --help`)"),
        (("chekc",), 2, "No such command 'chekc'"),
        (("show", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read"),
    ],
)
def test_wrong_usage_is_one_line(
    call: Call, words: tuple[str, ...], status: int, said: str
) -> None:
    answer = call(*words)
    assert (answer.status, answer.out) == (status, "")
    assert said in answer.error
    assert answer.error.count("\n") == 1


def test_a_group_without_a_command_shows_its_commands(call: Call) -> None:
    said = call()
    for name in ("check", "show", "schema"):
        assert name in said.out + said.error
