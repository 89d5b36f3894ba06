"""Secrets are planted in a project; whatever is asked of it, nobody reads them anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgechain.cli.app import run
from edgechain.deploy.bundle import contents_of, seal
from edgechain.deploy.configs import read_device
from edgechain.deploy.platform import Platform
from edgechain.security.fleet import FleetDirectory
from tests.watch.needs import ROOT

SSID, PASSWORD, UNUSED = "canary-network", "canary-password", "canary-unused"
MODEL = ROOT / "tools" / "demo" / "digits.tflite"

DEVICE = """\
substitutions: {net: !secret net, place: hall}
name: pi-${place}
chain: ../chain
stages: [stage0]
identity: ../identities/pi-hall
wifi: {ssid: "${net}", password: !secret password, country: DE}
flash: {target: "dir:../board"}
device: {board: pi-4}
"""

SLIPS = (
    ("", ""),
    ("chain: ../chain", "chain: ${net}"),
    ("chain: ../chain", "chain: !secret password"),
    ("chain: ../chain", "chain: ../nowhere"),
    ("stages: [stage0]", "stages: !secret net"),
    ("stages: [stage0]", "stages: [!secret net]"),
    ("identity: ../identities/pi-hall", "identity: ../${net}"),
    ("country: DE", "country: !secret net"),
    ("dir:../board", "ssh://pi:canary-typed@pi-hall"),
    ("dir:../board", "ssh://${net}"),
    ("board: pi-4", "board: !secret password"),
    ("!secret password, c", "!secret password c"),
    ("net: !secret net", "net: !secret net, net: !secret net"),
)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain, a fleet, and secrets; the tests write the device's file."""
    folder = tmp_path_factory.mktemp("project")
    command = [sys.executable, "-m", "edgechain"]
    for words in (
        ("split", str(MODEL), "-o", "chain", "--stages", "2"),
        ("init", ".", "pi-hall", "--client", "laptop"),
    ):
        subprocess.run([*command, *words], cwd=folder, check=True, capture_output=True)
    secrets = f"net: {SSID}\npassword: {PASSWORD}\nunused: {UNUSED}\n"
    (folder / "secrets.yaml").write_text(secrets)
    return folder


@pytest.fixture
def project(cut: Path, tmp_path: Path) -> Path:
    """A copy for one test, with the device's file without a mistake."""
    shutil.copytree(cut, tmp_path, dirs_exist_ok=True)
    device_of(tmp_path).write_text(DEVICE)
    return tmp_path


def device_of(project: Path) -> Path:
    return project / "device_configs" / "pi-hall.yaml"


Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    """Run a command; its status and all that it said, which is never a secret."""

    def said(*words: object) -> tuple[int, str]:
        status = run([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "canary" not in out + err
        return status, out + err

    return said


def test_no_command_shows_a_secret(say: Say, project: Path) -> None:
    file, plan = device_of(project), project / "a.plan"
    for words in (
        ("config", "check", file),
        ("config", "check", file, "--json"),
        ("config", "show", file),
        ("config", "show", file, "--json"),
        ("plan", MODEL, "--devices", file, "--json", "-o", plan),
        ("init", project, "pi-hall", "pi-next", "--client", "laptop"),
    ):
        status, said = say(*words)
        assert status == 0
        assert said
    assert "canary" not in plan.read_text()


@pytest.mark.parametrize(("old", "new"), SLIPS)
def test_no_slip_shows_a_secret(say: Say, project: Path, old: str, new: str) -> None:
    assert old in DEVICE
    path = device_of(project)
    path.write_text(DEVICE.replace(old, new))
    status, said = say("config", "check", path)
    assert status == (1 if new else 0)
    if status:
        assert said.startswith(f"edgechain: {path}:")
        assert said.count("\n") == 1
    assert say("config", "check", path, "--json")[0] == status
    assert say("config", "show", path)[1]


def test_no_byte_of_a_bundle_is_of_a_secret(project: Path) -> None:
    path = device_of(project)
    device = read_device(path)
    assert device.config.wifi is not None
    assert device.config.wifi.ssid.get_secret_value() == SSID
    contents = contents_of(device.config, path.parent, file=str(path))
    bundle = seal(contents, Platform("3.11", "aarch64"), (), 17, FleetDirectory(project))
    blobs = [b"".join(one.blob.pieces()) for one in contents.files]
    assert any(b"name: pi-hall" in blob for blob in blobs)
    for blob in (bundle.listing, *blobs):
        assert b"canary" not in blob
    assert "canary" not in repr(bundle) + repr(contents) + repr(device) + repr(device.config)


def test_a_node_does_not_even_read_them(project: Path) -> None:
    """Without ``secrets.yaml``, as on a board; it ends, as its address is not this machine's."""
    path = device_of(project)
    path.write_text(DEVICE + "host: 203.0.113.1\n")
    (project / "secrets.yaml").unlink()
    words = [sys.executable, "-m", "edgechain", "node", str(path), "-v"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "203.0.113.1" in done.stderr
    assert "secret" not in done.stderr
