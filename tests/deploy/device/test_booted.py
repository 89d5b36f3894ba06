"""A short life of a node as a service of a real systemd; ``make fleet`` has all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.device.booted import cannot_boot, run_booted
from tests.deploy.device.test_under_systemd import SECONDS, prepare

pytestmark = [pytest.mark.systemd, pytest.mark.netns, pytest.mark.once]


def test_it_starts_reloads_and_ends(tmp_path: Path) -> None:
    if reason := cannot_boot():
        pytest.skip(reason)
    machine, device = tmp_path / "machine", tmp_path / "device"
    machine.mkdir()
    prepare(machine, device)
    matters = ("healthy", "reload", "ends")
    found = run_booted(machine, "tests.deploy.device.inside_systemd", SECONDS, *matters)
    assert found["kind"] == "systemd"
    healthy = found["healthy"]
    assert (healthy["ok"], healthy["ActiveState"]) == (True, "active"), healthy
    active = {"ActiveState": "active", "NRestarts": "0"}
    assert found["reload"] == {"ok": True, "taken": True, "same": True} | active
    ended = {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    refusal = found["ends"].pop("reload")
    assert refusal.endswith("is not active, cannot reload.")
    assert found["ends"] == ended
