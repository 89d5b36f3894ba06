"""What an operation does beyond the store: trials, going back, logs; with a service in memory."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgechain.deploy.device.fields import Fields
from edgechain.deploy.device.frames import Body
from edgechain.deploy.device.health import Health
from edgechain.deploy.device.operations import OPERATIONS, Answer, Operations
from edgechain.deploy.device.refusal import Invalid, Refused
from edgechain.deploy.device.store import Store
from tests.deploy.bundles import CONFIG, Bundle, ready_root, sha256


class MemoryService:
    """Starts nothing; ``sick`` generations do not get ready."""

    kind = "process"

    def __init__(self) -> None:
        self.sick: set[str] = set()
        self.running = ""
        self.read: list[str] = []
        """What the node that runs was told to read."""
        self.deaf = False
        self.lines = ["one", "two", "three"]
        self.more = threading.Event()

    def start(self, generation: Path, seconds: float) -> Health:
        self.running = generation.name
        is_sick = generation.name in self.sick
        return Health(not is_sick, "no model" if is_sick else "ready")

    def reload(self, generation: Path) -> Health:
        if self.deaf or not self.running:
            return Health(False, "no node runs")
        self.read.append(generation.name)
        return Health(True, "told")

    def stop(self) -> None:
        self.running = ""

    def journal(self, lines: int) -> list[str]:
        return self.lines[-lines:]

    def follow(self, lines: int) -> Iterator[str]:
        yield from self.journal(lines)
        self.more.wait(60)
        yield "too late"


class Device:
    """A connection to a device without pipes."""

    def __init__(self, root: Path):
        self.store, self.service = Store(root), MemoryService()
        self.said: list[str] = []
        self.heard = threading.Event()
        self.connect()

    def connect(self) -> None:
        self.connection = Operations(
            self.store, self.service, self.said.append, lambda: self.heard.wait(60)
        )

    def ask(self, op: str, body: bytes = b"", **fields: Any) -> Answer:
        asked = Fields(fields, Body(io.BytesIO(body), len(body)))
        return dict(OPERATIONS[op](self.connection, asked))

    def install(self, bundle: Bundle) -> str:
        self.ask("lock", who="a test")
        for data in bundle.files.values():
            self.ask("put", data, sha256=sha256(data), size=len(data))
        signature = base64.b64encode(b"signature").decode()
        answer = self.ask("install", listing=bundle.listing.decode(), signature=signature)
        return str(answer["generation"])

    def switch(self, bundle: Bundle) -> str:
        name = self.install(bundle)
        self.ask("switch", name=name)
        return name

    def flash(self, bundle: Bundle) -> str:
        name = self.switch(bundle)
        assert self.ask("start", name=name, seconds=5)["healthy"]
        self.ask("good", name=name)
        return name


def bundle(number: int) -> Bundle:
    return Bundle(number, {"node.yaml": CONFIG, "chain/a.tflite": bytes([number])})


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(ready_root(tmp_path / "root").root)


def test_a_look_shows_what_is_missing_and_what_is_current(device: Device) -> None:
    wanted = [{"sha256": sha256(data), "size": len(data)} for data in (CONFIG, b"x")]
    assert device.ask("look", blobs=wanted) == {"missing": [sha256(CONFIG), sha256(b"x")]}
    device.flash(bundle(1))
    assert device.ask("look", blobs=wanted) == {
        "missing": [sha256(b"x")],
        "listing": bundle(1).listing.decode(),
        "config": CONFIG.decode(),
    }


def test_a_sick_generation_says_why_with_the_journals_end(device: Device) -> None:
    device.flash(bundle(1))
    name = device.switch(bundle(2))
    device.service.sick.add(name)
    assert device.ask("start", name=name) == {
        "healthy": False,
        "reason": "no model",
        "journal": ["one", "two", "three"],
    }


def test_rollback_goes_to_the_last_good_one_and_starts_it(device: Device) -> None:
    first = device.flash(bundle(1))
    device.switch(bundle(2))
    assert device.ask("rollback", seconds=5) == {
        "current": first,
        "healthy": True,
        "reason": "ready",
        "journal": [],
    }
    assert (device.store.current, device.store.good, device.service.running) == (first,) * 3


def test_a_first_generation_that_is_sick_is_not_left_running(device: Device) -> None:
    name = device.switch(bundle(1))
    device.service.sick.add(name)
    device.ask("start", name=name)
    with pytest.raises(Refused, match="no older generation"):
        device.ask("rollback")
    assert (device.store.current, device.service.running) == (None, "")
    assert device.flash(bundle(2)) == device.store.current


def test_a_generation_that_was_good_stays_when_there_is_nothing_to_go_back_to(
    device: Device,
) -> None:
    name = device.flash(bundle(1))
    with pytest.raises(Refused, match="no older generation"):
        device.ask("rollback")
    assert (device.store.current, device.service.running) == (name, name)


@pytest.mark.parametrize(
    ("begun", "sick", "stays"), [(False, False, False), (True, True, False), (True, False, True)]
)
def test_a_connection_that_ends_on_trial_leaves_what_was_found_healthy(
    device: Device, begun: bool, sick: bool, stays: bool
) -> None:
    old, new = device.flash(bundle(1)), device.switch(bundle(2))
    if sick:
        device.service.sick.add(new)
    if begun:
        device.ask("start", name=new)
    device.connection.end()
    expected = new if stays else old
    assert (device.store.current, device.store.good, device.service.running) == (expected,) * 3
    device.connect()
    device.ask("lock", who="somebody else")


def test_a_connection_that_ends_after_a_good_flash_changes_nothing(device: Device) -> None:
    name = device.flash(bundle(1))
    device.service.running = "left alone"
    device.connection.end()
    assert (device.store.current, device.service.running) == (name, "left alone")


def test_a_reload_is_a_switch_without_a_start(device: Device) -> None:
    old, new = device.flash(bundle(1)), device.install(bundle(2))
    assert device.ask("reload", name=new) == {}
    assert (device.store.current, device.store.good) == (new, old)
    assert (device.service.running, device.service.read) == (old, [new])


def test_a_connection_that_ends_after_a_reload_keeps_it_and_starts_nothing(device: Device) -> None:
    old, new = device.flash(bundle(1)), device.install(bundle(2))
    device.ask("reload", name=new)
    device.connection.end()
    assert (device.store.current, device.store.good, device.service.running) == (new, new, old)


def test_a_reload_that_nobody_hears_leaves_what_was(device: Device) -> None:
    old, new = device.flash(bundle(1)), device.install(bundle(2))
    device.service.deaf = True
    with pytest.raises(Refused, match="was not told: no node runs"):
        device.ask("reload", name=new)
    device.connection.end()
    assert (device.store.current, device.store.good, device.service.running) == (old,) * 3


def test_nothing_is_reloaded_before_the_first_flash(device: Device) -> None:
    name = device.install(bundle(1))
    with pytest.raises(Refused, match="no node runs here yet"):
        device.ask("reload", name=name)
    assert device.store.current is None


def test_going_back_with_a_reload_starts_nothing(device: Device) -> None:
    old, new = device.flash(bundle(1)), device.install(bundle(2))
    device.ask("reload", name=new)
    device.service.running = "the same"
    told = device.ask("rollback", name=old, reload=True)
    assert (told["current"], told["healthy"]) == (old, True)
    assert (device.store.current, device.store.good) == (old, old)
    assert (device.service.running, device.service.read) == ("the same", [new, old])


def test_steps_on_the_way_are_not_what_is_gone_back_to(device: Device) -> None:
    old, step = device.flash(bundle(1)), device.install(bundle(2))
    last = device.install(bundle(3))
    device.ask("reload", name=step)
    device.ask("reload", name=last)
    device.ask("good", name=last, passed=[step, last])
    assert device.ask("hello")["generations"] == [old, last]
    assert device.ask("rollback", seconds=5)["current"] == old


def test_good_prunes(device: Device) -> None:
    names = [device.flash(bundle(number)) for number in range(1, 6)]
    assert device.ask("hello")["generations"] == names[-3:]


def test_logs_are_the_journals_end(device: Device) -> None:
    assert device.ask("logs", lines=2) == {"lines": ["two", "three"]}


def test_a_journal_of_any_length_fits_into_a_frame(device: Device) -> None:
    device.service.lines = ["\x1b" * 100_000, *("x" * 1000 for _ in range(5000)), "last"]
    lines = device.ask("logs", lines=6000)["lines"]
    assert lines[-1] == "last"
    assert 300 < len(lines) < 500


def test_following_ends_when_more_is_asked(device: Device) -> None:
    device.heard.set()
    assert device.ask("logs", lines=2, follow=True) == {"lines": []}
    device.service.more.set()
    assert "too late" not in device.said
    assert set(device.said) <= {"two", "three"}


def test_only_the_current_generation_is_started_or_called_good(device: Device) -> None:
    name = device.install(bundle(1))
    for op in ("start", "good"):
        with pytest.raises(Invalid, match="is not the current one"):
            device.ask(op, name=name)
