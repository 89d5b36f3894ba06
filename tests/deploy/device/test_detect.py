"""Who starts services on this machine, and what is said where systemd does not answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgechain.deploy.device import service
from edgechain.deploy.device.service import detect
from edgechain.deploy.device.systemd_service import SYSTEM, Manager, SystemdService, answers
from tests.deploy.device.device_roots import add_generation, good, switch

FAKE = """#!/bin/sh
echo "$@" >> "$ASKED"
[ "${*#--user }" = "show-environment" ] && exit "$ANSWERS"
[ "$1" = "$HANGS" ] && exec sleep 60
[ "$1" = "$FAILS" ] && { echo "Failed to $1: no such thing" >&2; exit 1; }
exit 0
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a stand-in for systemctl is asked for; it does nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "loginctl", "journalctl"):
        (folder / name).write_text(FAKE)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("ANSWERS", "0")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "asked").touch()
    return tmp_path / "asked"


@pytest.mark.parametrize(
    ("user", "booted", "answer", "kind"),
    [
        (0, True, "0", "systemd"),
        (0, True, "1", "process"),
        (0, False, "0", "process"),
        (1000, True, "0", "user"),
        (1000, False, "1", "process"),
    ],
)
def test_who_starts_services(
    asked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    user: int,
    booted: bool,
    answer: str,
    kind: str,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(service, "BOOTED", tmp_path if booted else tmp_path / "no")
    monkeypatch.setenv("ANSWERS", answer)
    assert detect(tmp_path).kind == kind
    for wanted in ("systemd", "user", "process"):
        assert detect(tmp_path, wanted).kind == wanted


def test_a_systemctl_that_is_not_there_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not answers(SYSTEM)


def user_service(tmp_path: Path) -> tuple[SystemdService, Path]:
    root = tmp_path / "root"
    generation = add_generation(root, "000001-a", good())
    switch(root, generation)
    return SystemdService(root, Manager("user", tmp_path / "units", ("--user",))), generation


def test_a_users_service_is_written_enabled_and_restarted(asked: Path, tmp_path: Path) -> None:
    made, generation = user_service(tmp_path)
    assert made.start(generation, 5.0).ok
    (unit,) = (tmp_path / "units").iterdir()
    assert "WantedBy=default.target" in unit.read_text()
    assert oct(unit.stat().st_mode & 0o777) == "0o644"
    words = [line.removeprefix("--user ") for line in asked.read_text().splitlines()]
    name = unit.name
    assert [word for word in words if not word.startswith("show")] == [
        f"stop {name}",
        "daemon-reload",
        f"enable {name}",
        "enable-linger",
        f"reset-failed {name}",
        f"restart {name}",
    ]
    before = unit.stat().st_mtime_ns
    assert made.start(generation, 5.0).ok
    assert unit.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("what", "value", "reason"),
    [
        ("FAILS", "daemon-reload", "systemctl daemon-reload: Failed to --user"),
        ("HANGS", "restart", "the node was not ready after 0 s"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(
    asked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    value: str,
    reason: str,
) -> None:
    script = tmp_path / "bin" / "systemctl"
    script.write_text(FAKE.replace('echo "$@"', 'shift; echo "$@"', 1))
    monkeypatch.setenv(what, value)
    made, generation = user_service(tmp_path)
    health = made.start(generation, 0.3)
    assert not health.ok
    assert reason.replace("--user", value) in health.reason
    assert len(health.reason.splitlines()) == 1


def test_a_generation_that_is_not_current_and_one_with_odd_needs(
    asked: Path, tmp_path: Path
) -> None:
    made, generation = user_service(tmp_path)
    other = add_generation(tmp_path / "root", "000002-b", good())
    assert made.start(other, 5.0).reason == "000002-b is not current; switch to it first"
    (generation / "service.json").write_text('{"groups": ["root"]}')
    assert made.start(generation, 5.0).reason.startswith("service.json: groups is a list of")
    assert not (tmp_path / "units").exists()
