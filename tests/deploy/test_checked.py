"""What a device file leads to on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from edgechain.deploy.checked import Checked, check_devices
from edgechain.errors import InvalidDocument
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.document import render
from edgechain.spec.message import Role
from tests.chain import chains
from tests.plan.test_threads import profile

FLASH = {"target": "ssh://pi@pi-a.local"}
WHOLE: dict[str, Any] = {
    "name": "pi-a",
    "chain": "../five",
    "identity": "../identities/pi-a",
    "flash": FLASH,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    chains.write(tmp_path / "five", chains.five_stages())
    FleetDirectory.make(tmp_path)
    for role, name in ((Role.NODE, "pi-a"), (Role.NODE, "pi-b"), (Role.CLIENT, "laptop")):
        FleetDirectory(tmp_path).provide(role, name)
    (tmp_path / "device_configs").mkdir()
    return tmp_path


def put(project: Path, file: str = "pi-a", **keys: object) -> Path:
    path = project / "device_configs" / f"{file}.yaml"
    whole = {key: value for key, value in (WHOLE | keys).items() if value is not None}
    with path.open("w") as out:
        YAML().dump(whole, out)
    return path


def checked(path: Path) -> Checked:
    (found,) = check_devices([path])
    assert isinstance(found, Checked), str(found)
    return found


def refusal(path: Path) -> str:
    (found,) = check_devices([path])
    assert isinstance(found, InvalidDocument)
    return str(found).removeprefix(f"{path}:")


def test_a_file_that_holds(project: Path) -> None:
    (project / "a.profile").write_text(render(profile(2, 1.0)))
    device = {"profiles": ["../a.profile"], "board": "of our own"}
    found = checked(put(project, stages=["head", "left"], next="../five", device=device))
    assert found.name == "pi-a"
    assert found.stages == ("head", "left")
    assert found.notes == ()
    assert found.chain == "five"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"chain": "../six"}, "2:1: chain: {project}/six: there is no such directory"),
        ({"chain": "../fleet"}, "2:1: chain: {project}/fleet: there is no chain.yaml"),
        ({"stages": ["dubble"]}, "6:1: stages: the chain has no stage 'dubble'; it has"),
        ({"next": "../six"}, "6:1: next: {project}/six: there is no such directory"),
        (
            {"next": "../five", "next_stages": ["x"]},
            "7:1: next_stages: the chain has no stage 'x'",
        ),
        ({"identity": "../identities/pi-b"}, "3:1: identity: is that of node pi-b"),
        ({"identity": "../identities/laptop"}, "3:1: identity: is that of client laptop"),
        ({"identity": None, "flash": None}, "1:1: identity: is missing; `edgechain init`"),
        ({"device": {"profiles": ["x.yaml"]}}, "8:5: device.profiles.0: {project}/device_config"),
        ({"ssh_keys": ["me.pub"]}, "7:3: ssh_keys.0: me.pub cannot be read"),
    ],
)
def test_what_a_file_leads_to_is_looked_at(project: Path, keys: dict[str, Any], said: str) -> None:
    assert refusal(put(project, **keys)).startswith(said.format(project=project))


def test_a_broken_chain_is_found(project: Path) -> None:
    path = put(project, stages=["head"])
    stage = next((project / "five").glob("*.py"))
    stage.write_text(stage.read_text() + "# changed\n")
    assert "2:1: chain: " in refusal(path)
    assert "was changed" in refusal(path)


def test_keys_are_made_where_it_is_flashed(project: Path) -> None:
    assert checked(put(project, identity=None)).notes == ()
    assert checked(put(project, identity="../identities/none")).notes == ()


def test_what_is_elsewhere_is_said(project: Path) -> None:
    found = checked(put(project, flash=None, chain="digits", identity="identity", stages=["x"]))
    assert (found.chain, found.stages) == ("", ("x",))
    assert [note.partition(" is not on this machine")[0] for note in found.notes] == [
        "chain digits",
        "identity identity",
    ]


def test_what_looks_like_a_slip_is_said(project: Path) -> None:
    wifi = {"ssid": "net", "password": "in the open", "country": "DE"}
    found = checked(put(project, device={"board": "pi4"}, wifi=wifi))
    board, password = found.notes
    assert board.startswith("board pi4 is not known (did you mean pi-4?)")
    assert password.startswith("wifi.password is written out")
    assert "in the open" not in str(found)
    path = put(project, wifi=wifi)
    path.write_text(path.read_text().replace("in the open", "!secret it"))
    (project / "secrets.yaml").write_text("it: not in the open")
    assert checked(path).notes == ()


def test_two_files_are_not_one_node(project: Path) -> None:
    files = [put(project, "a"), put(project, "b"), put(project, "c", name="pi-b", identity=None)]
    first, second, third = check_devices(files)
    assert isinstance(first, Checked)
    assert isinstance(third, Checked)
    assert str(second) == f"{files[1]}:1:1: name: pi-a is the name in {files[0]} already"
