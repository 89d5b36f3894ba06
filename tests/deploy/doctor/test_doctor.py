"""The command as its users meet it, and on a device: a directory, and a real sshd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgechain.deploy.doctor.codes import MEANINGS
from edgechain.deploy.doctor.findings import Severity, fault, fine, note, warning
from edgechain.deploy.doctor.question import Question
from edgechain.deploy.doctor.remote import consult_on
from edgechain.deploy.doctor.report import Report
from edgechain.deploy.targets.address import parse_target
from edgechain.errors import CannotReach
from edgechain.security.identity import KEY
from tests.commands import Edgechain
from tests.deploy.doctor import setups
from tests.deploy.doctor.setups import Setup, faults, only
from tests.deploy.sshd import sshd
from tests.ports import free_ports
from tests.watch.needs import ROOT

HERE = Path(__file__).parent


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    return Edgechain(tmp_path, state_dir, {"EDGECHAIN_IDENTITY": ""})


def test_all_is_well(edgechain: Edgechain, setup: Setup) -> None:
    said = edgechain("doctor", setup.config, "--listen", "0.3")
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0].startswith("ok       python ")
    assert lines[-1].endswith((": all is well", ": 0 faults, 1 warning")), said.out


def test_a_fault_is_the_last_that_is_said(edgechain: Edgechain, setup: Setup) -> None:
    (setup.identity / KEY).chmod(0o604)
    said = edgechain("doctor", setup.config, "--listen", "0.3", status=1)
    assert said.err == ""
    *_, what, advice, verdict = said.out.splitlines()
    assert what.startswith(f"fault    identity-open          {setup.identity}: others may read ")
    assert advice.strip().startswith(f"-> chmod 600 {setup.identity}/identity.key")
    assert ": 1 fault, " in verdict


def test_json(edgechain: Edgechain, setup: Setup) -> None:
    setup.write(host="192.0.2.77")
    told = edgechain("doctor", setup.config, "--listen", "0.3", "--json", status=1).json()
    assert told["severity"] == "fault"
    (found,) = [f for f in told["findings"] if f["severity"] == "fault"]
    assert found.keys() == {"code", "severity", "where", "what", "advice"}
    assert found["code"] == "port-address"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--on", "nowhere"), "should be ssh://"),
        (("--on", "ssh://pi:secret@board"), "has a password in it"),
        (("node.yaml", "--on", "dir:here"), "leave CONFIG out"),
        (("--on", "sd:here"), "nothing runs on an SD card"),
        (("--on", "dir:empty"), "nothing is installed in "),
    ],
)
def test_mistakes_are_one_line(edgechain: Edgechain, words: tuple[str, ...], reason: str) -> None:
    said = edgechain("doctor", *words, status=None).refusal()
    assert reason in said
    assert "secret" not in said


def test_on_a_terminal_it_is_drawn(edgechain: Edgechain, setup: Setup) -> None:
    (setup.identity / KEY).chmod(0o604)
    words = " ".join(edgechain.words(["doctor", str(setup.config), "--listen", "0.3"]))
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", words, "/dev/null"],
        env=edgechain.whole_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "│" in done.stdout
    assert "identity-open" in done.stdout
    assert "1 fault, " in done.stdout.splitlines()[-1]


def test_what_runs_on_a_device_is_light() -> None:
    code = (
        "import sys\n"
        "import edgechain.deploy.doctor.__main__, edgechain.deploy.doctor.examination\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    heavy = {"cv2", "typer", "rich", "click", "asyncssh", "edgechain.model", "edgechain.client"}
    loaded = set(done.stdout.split())
    assert "edgechain.transport.questions" in loaded
    assert not {name for name in loaded for one in heavy if f"{name}.".startswith(f"{one}.")}


# On a device -------------------------------------------------------------------------------------


@pytest.fixture
def device(tmp_path: Path) -> Setup:
    """A device's ROOT, as the agent leaves it; its environment is the one that runs the tests."""
    root = tmp_path / "root"
    generation = root / "generations" / "000001-0123456789ab"
    generation.mkdir(parents=True)
    setup = setups.sound(generation, identity="../../identity")
    setup.identity.rename(root / "identity")
    (root / "current").symlink_to("generations/000001-0123456789ab")
    python = generation / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    kept = ("EDGECHAIN_INTERFACES", "EDGECHAIN_STATE_DIR", "EDGECHAIN_NAMESPACE", "EDGECHAIN_TEST")
    given = " ".join(f"{name}={os.environ[name]}" for name in kept if name in os.environ)
    start = f'exec env PYTHONPATH={ROOT} {given} {sys.executable} "$@"'
    python.write_text(f"#!/bin/sh\n{start}\n")
    python.chmod(0o755)
    return setup


def root_of(device: Setup) -> Path:
    return device.folder.parent.parent


def test_on_a_directory(edgechain: Edgechain, device: Setup) -> None:
    words = ("doctor", "--on", f"dir:{root_of(device)}", "--listen", "0.3", "--json")
    assert faults(Report.from_json(edgechain(*words).out)) == set()
    device.write(host="192.0.2.77")
    assert faults(Report.from_json(edgechain(*words, status=1).out)) == {"port-address"}


def test_a_node_that_is_installed_and_does_not_run(device: Setup) -> None:
    (port,) = free_ports(1)
    device.write(port=port)
    report = consult_on(parse_target(f"dir:{root_of(device)}"), Question(listen=0.1))
    found = only(report, "port-unused")
    assert "node pi-a is installed here, and nobody listens" in found.what


@pytest.fixture
def laptop(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """An sshd, and the keys of somebody who may log in; its address."""
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        monkeypatch.setenv("HOME", str(running.home))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield running.url


@pytest.mark.sshd
def test_by_ssh(laptop: str, device: Setup) -> None:
    target = parse_target(f"{laptop}{root_of(device)}")
    device.write(interfaces=["nope0"])
    report = consult_on(target, Question(listen=0.3))
    assert faults(report) == {"multicast-interface"}, report.to_json()
    disks = [f.where for f in report.findings if f.code == "disk"]
    assert disks, "looked at there"


@pytest.mark.sshd
def test_by_ssh_where_nothing_is_installed(laptop: str, tmp_path: Path) -> None:
    with pytest.raises(CannotReach, match=r"nothing is installed in .*; edgechain flash puts"):
        consult_on(parse_target(f"{laptop}{tmp_path}"), Question())


def test_a_device_whose_clock_is_another(device: Setup) -> None:
    python = device.folder / "environment" / "bin" / "python"
    report = {"machine": "pi-a", "time": 1.0, "findings": []}
    python.write_text(f"#!/bin/sh\necho '{json.dumps(report)}'\n")
    found = consult_on(parse_target(f"dir:{root_of(device)}"), Question())
    assert [f.code for f in found.findings] == ["clock-differs"]


# Findings and reports ----------------------------------------------------------------------------


def test_a_report_comes_back_as_it_was() -> None:
    findings = (
        fine("clock", "clock", "right"),
        note("camera-none", "/dev", "no camera"),
        warning("disk-low", "/", "little", "more"),
        fault("disk-full", "/", "none", "more"),
    )
    report = Report("pi-a", 7.0, findings)
    assert Report.from_json(report.to_json()) == report
    assert report.severity is Severity.FAULT
    assert Report("pi-a", 7.0, ()).severity is Severity.OK


UNKNOWN = (
    '{"machine": "a", "time": 1, "findings": '
    '[{"code": "no", "severity": "fault", "where": "", "what": "", "advice": ""}]}'
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"machine": 1, "time": "x", "findings": []}',
        '{"machine": "a", "time": 1, "findings": [{}]}',
        '{"machine": "a", "time": 1, "findings": 7}',
        UNKNOWN,
    ],
)
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(ValueError):
        Report.from_json(text)


def test_what_a_device_says_is_fit_for_a_terminal() -> None:
    said = fault("disk-full", "/", "x", "y")
    text = Report("pi\x1b[2J", 1.0, (said,)).to_json().replace('"x"', '"\\u001b[31mred\\nline"')
    report = Report.from_json(text)
    assert report.machine == "pi [2J"
    assert report.findings[0].what == "[31mred line"


def test_a_finding_has_a_code_of_its_own() -> None:
    with pytest.raises(ValueError, match="is no code"):
        fault("disk-eaten", "/", "what", "advice")
    with pytest.raises(ValueError, match="is no code"):
        fine("disk-full", "/", "what")


def test_every_code_is_tried() -> None:
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert [code for code in MEANINGS if f'"{code}' not in tests] == []
