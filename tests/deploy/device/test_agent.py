"""A real agent process, asked over its pipes as whoever flashes asks it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from edgechain.deploy import zipped
from edgechain.deploy.device.store import Store
from tests.deploy.agent_client import agent
from tests.deploy.bundles import CONFIG, Bundle, ready_root, whole

pytestmark = pytest.mark.processes


def bundle(number: int) -> Bundle:
    return Bundle(number, {"node.yaml": CONFIG, "chain/a.tflite": bytes([number]) * 100_000})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return ready_root(tmp_path / "root").root


def test_it_says_what_it_is_and_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with agent(root) as device:
        hello = device.must("hello")
        assert device.close() == 0
    assert hello["protocol"] == 1
    assert hello["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert hello["root"] == str(root)
    assert hello["machine"] == os.uname().machine
    assert hello["free_bytes"] > 0
    assert (hello["current"], hello["good"], hello["highest"]) == (None, None, 0)
    assert hello["generations"] == []
    assert hello["certified"] is False
    assert hello["service"] in {"systemd", "user", "process"}
    assert not root.exists()


def test_a_device_is_flashed_twice(root: Path) -> None:
    with agent(root) as device:
        device.must("lock", who="a test")
        assert device.flash(bundle(1))["ok"]
        assert device.flash(bundle(2))["ok"]
        hello = device.must("hello")
    assert hello["current"] == hello["good"] == bundle(2).name == whole(root)
    assert hello["generations"] == [bundle(1).name, bundle(2).name]
    assert hello["certified"] is True


def test_zipped_and_alone_it_does_the_same(root: Path, tmp_path: Path) -> None:
    """As on a device: nothing but Python's own library beside it."""
    (tmp_path / "agent.pyz").write_bytes(zipped.agent())
    with agent(root, ("-I", "-S", str(tmp_path / "agent.pyz"))) as device:
        device.must("lock", who="a test")
        assert device.flash(bundle(1))["ok"]
    assert whole(root) == bundle(1).name


def test_nothing_changes_without_the_lock(root: Path) -> None:
    with agent(root) as device:
        for op in ("missing", "put", "install", "switch", "good", "rollback", "environment"):
            answer = device.ask(op)
            assert (answer["ok"], answer["kind"]) == (False, "invalid")
            assert "lock" in answer["error"]


def test_who_comes_second_is_told_who_is_first(root: Path) -> None:
    with agent(root) as first, agent(root) as second:
        first.must("lock", who="ana@laptop")
        answer = second.ask("lock", who="ben@laptop")
        assert answer["kind"] == "busy"
        assert "ana@laptop since" in answer["error"]
        first.close()
        second.must("lock", who="ben@laptop")


def test_a_wrong_blob_is_refused_and_the_conversation_goes_on(root: Path) -> None:
    with agent(root) as device:
        device.must("lock", who="a test")
        answer = device.ask("put", b"other", sha256="a" * 64, size=5)
        assert (answer["kind"], "has sha256" in answer["error"]) == ("invalid", True)
        answer = device.ask("put", b"x" * 9, sha256="../../x", size=9)
        assert answer["kind"] == "invalid"
        assert device.flash(bundle(1))["ok"]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x01{", b"\x00\x00", b"\0\0\0\5{"],
)
def test_what_is_no_frame_is_refused_and_ends_it(root: Path, data: bytes) -> None:
    with agent(root) as device:
        device.write(data)
        device.process.stdin.close()  # type: ignore[union-attr]
        answer = device.hear()
        assert answer["kind"] == "invalid"
        assert device.process.wait(60) == 0


def test_a_connection_that_ends_after_the_switch_leaves_the_good_one(root: Path) -> None:
    with agent(root) as device:
        device.must("lock", who="a test")
        assert device.flash(bundle(1))["ok"]
        assert device.install(bundle(2))["ok"]
        device.must("switch", name=bundle(2).name)
        assert Store(root).current == bundle(2).name
    assert whole(root) == bundle(1).name


def test_a_blob_that_breaks_off_leaves_nothing(root: Path) -> None:
    with agent(root) as device:
        device.must("lock", who="a test")
        device.send({"op": "put", "sha256": "a" * 64, "size": 1000}, b"x" * 10)
        assert device.close() == 0
    assert not [path for path in (root / "blobs").rglob("*") if path.is_file()]
