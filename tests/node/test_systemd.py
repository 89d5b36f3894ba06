"""What a node says to its service manager, and that no manager can harm it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgechain.node.systemd import Notifier, Standing
from tests.node.manager_ear import ManagerEar


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ManagerEar]:
    with ManagerEar(tmp_path / "notify" if request.param == "path" else None) as made:
        yield made


def test_a_life_in_order(ear: ManagerEar) -> None:
    notifier = Notifier(ear.address, 30.0)
    assert notifier.is_managed
    before = time.monotonic_ns() // 1000
    notifier.alive("too early")
    notifier.reloading()
    notifier.reloaded()
    notifier.ready("all is\nwell")
    notifier.alive("fine")
    notifier.reloading()
    notifier.reloaded()
    notifier.troubled("one is silent")
    notifier.stopping()
    notifier.stopping()
    notifier.alive("too late")
    assert ear.hear() == {"READY": "1", "STATUS": "all is well"}
    assert ear.hear() == {"WATCHDOG": "1", "STATUS": "fine"}
    reloading = ear.hear()
    assert set(reloading) == {"RELOADING", "MONOTONIC_USEC"}
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert ear.hear() == {"READY": "1"}
    assert ear.hear() == {"STATUS": "one is silent"}
    assert ear.hear()["STOPPING"] == "1"
    with pytest.raises(TimeoutError):
        ear.hear(0.05)


def test_without_a_manager_nothing_is_said() -> None:
    notifier = Notifier.take_from({})
    notifier.ready("well")
    assert not notifier.is_managed
    assert notifier.watchdog_seconds == 0.0
    assert notifier.standing is Standing.READY


def test_what_it_takes_from_the_environment_is_gone_from_there(ear: ManagerEar) -> None:
    ours = {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": ""}
    environment = {**ours, "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    notifier = Notifier.take_from(environment)
    assert environment == {"HOME": "/"}
    assert (notifier.is_managed, notifier.watchdog_seconds) == (True, 3.0)


@pytest.mark.parametrize(
    "words",
    [
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-1"},
        {"WATCHDOG_USEC": "³"},
        {"WATCHDOG_USEC": ""},
    ],
)
def test_a_watchdog_that_is_not_ours_or_makes_no_sense(words: dict[str, str]) -> None:
    notifier = Notifier.take_from({"NOTIFY_SOCKET": "@nobody-listens", **words})
    assert notifier.watchdog_seconds == 0.0


@pytest.mark.parametrize(
    "address", ["/nowhere/notify", "@edgechain-nobody", "/" + "x" * 300, "vsock:2:1", "relative"]
)
def test_a_manager_that_does_not_hear_harms_nobody(address: str) -> None:
    notifier = Notifier(address, 1.0)
    for _ in range(3):
        notifier.ready("x")
        notifier.alive("x")
    notifier.stopping()


def test_what_a_busy_manager_did_not_take_is_said_with_the_next_words(ear: ManagerEar) -> None:
    notifier = Notifier(ear.address)
    notifier.ready("first")
    told = 1
    for number in range(5000):  # until the socket's queue is full
        notifier.alive(str(number))
        if notifier._owed:
            break
        told += 1
    assert notifier._owed == {"STATUS": str(number)}
    notifier.reloading()
    notifier.reloaded()
    assert notifier._owed == {"STATUS": str(number), "READY": "1"}
    heard = [ear.hear() for _ in range(told)]
    assert heard[0]["READY"] == "1"
    notifier.stopping()
    last = ear.hear()
    assert (last["READY"], last["STOPPING"], "WATCHDOG" in last) == ("1", "1", False)
    assert not notifier._owed


def test_nothing_here_waits_for_the_manager(ear: ManagerEar) -> None:
    """A manager that stands still must not stand a node still."""
    notifier = Notifier(ear.address)
    notifier.ready("x")
    before = time.monotonic()
    for _ in range(2000):
        notifier.alive("x")
    assert time.monotonic() - before < 10.0


def test_a_status_is_one_line_of_bounded_length(ear: ManagerEar) -> None:
    Notifier(ear.address).ready("a\nREADY=0\n" + "b" * 5000)
    status = ear.hear()["STATUS"]
    assert status.startswith("a READY=0 bbb")
    assert len(status) == 500


def test_the_socket_is_no_stream(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wrong:
        wrong.bind(str(tmp_path / "stream"))
        Notifier(str(tmp_path / "stream")).ready("x")
