"""Where multicast ends: two boards on a switch, a real node on one, the doctor on the other.

The kernel's own switch, links and routes are what is broken; each test mends what it broke.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgechain.deploy.doctor.findings import Finding, Severity
from edgechain.deploy.doctor.report import Report
from tests.chain.bridges import Board, bridge
from tests.deploy.doctor import setups
from tests.deploy.doctor.setups import Setup, examined_outside, faults, only
from tests.faults.namespaces import inside

pytestmark = [
    pytest.mark.once,
    pytest.mark.netns,
    pytest.mark.processes,
    pytest.mark.xdist_group("doctor's boards"),
]

LISTENS = (1.2, 4.0, 12.0)
"""Seconds: longer, until what is there was heard; packets get lost, and answers wait."""

OURS, THEIRS = ["head", "left"], ["right", "meet", "tail"]
PORT = 50551


@dataclass(frozen=True)
class Boards:
    """Board a, where the doctor is, with node pi-a's files; board b, where node pi-b runs."""

    a: Board
    b: Board
    hub: Board
    setup: Setup

    def look(self, *expected: str, **keys: object) -> Report:
        """What the doctor says on board a once these are its faults, if they ever are."""
        self.setup.write(**keys)
        enter = ("ip", "netns", "exec", self.a.namespace)
        environment = {"EDGECHAIN_INTERFACES": ""}
        for listen in LISTENS:
            report = examined_outside([self.setup.config], enter, environment, listen)
            if faults(report) == set(expected):
                break
        return report

    def fault(self, code: str, **keys: object) -> Finding:
        """The only fault that the doctor finds there."""
        return only(self.look(code, **keys), code)

    @contextmanager
    def no_multicast_to(self, *ports: str) -> Iterator[None]:
        """The switch passes no multicast on to these ports of it."""
        try:
            for port in ports:
                flood(self.hub, port, "off")
            yield
        finally:
            for port in ports:
                flood(self.hub, port, "on")

    @contextmanager
    def changed(self, board: Board, words: str, back: str) -> Iterator[None]:
        """``ip`` does something on a board, and takes it back."""
        ip(board, *words.split())
        try:
            yield
        finally:
            ip(board, *back.split())


def flood(hub: Board, port: str, state: str) -> None:
    ip(hub, *f"link set {port} type bridge_slave mcast_flood {state}".split())


def ip(board: Board, *words: str) -> None:
    subprocess.run(["ip", "-n", board.namespace, *words], check=True)


@pytest.fixture(scope="module")
def boards(session_tag: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boards]:
    """Node pi-b listens; then they are as the tests find them."""
    folder = tmp_path_factory.mktemp("boards")
    setup = setups.sound(
        folder, stages=OURS, namespace="boards", host=None, port=PORT, interfaces=None
    )
    setup.issue("pi-b", to=folder / "identity of pi-b")
    setup.write(name="pi-b", identity="identity of pi-b", stages=THEIRS)
    setup.config.rename(folder / "pi-b.yaml")
    with bridge(2) as (a, b, hub), running(b, folder / "pi-b.yaml"):
        known_to(a, b)
        yield Boards(a, b, hub, setup)


@contextmanager
def running(board: Board, config: Path) -> Iterator[None]:
    """A real node, from when it listens until it has ended cleanly."""
    log = config.with_suffix(".log")
    node = board.start(["sh", "-c", 'exec "$@" 2>&1', "sh", *_node(config)], log)
    try:
        wait_for(log, " runs right, meet, tail on ", node)
        yield
    finally:
        node.terminate()
        assert node.wait(60) == 0, log.read_text()


def _node(config: Path) -> list[str]:
    return [sys.executable, "-m", "edgechain.node", str(config)]


def wait_for(log: Path, words: str, process: subprocess.Popen[bytes]) -> None:
    tail = subprocess.Popen(
        ["tail", "-n", "+1", "-f", f"--pid={process.pid}", str(log)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tail.stdout is not None
    with tail, tail.stdout as lines:
        assert any(words in line for line in lines), log.read_text()
        tail.terminate()


def known_to(a: Board, b: Board) -> None:
    """As after an `ssh`: the kernel knows the other board's hardware address."""
    with inside(a.namespace):
        socket.create_connection((b.address, PORT), timeout=60).close()


def test_two_boards_that_find_each_other(boards: Boards) -> None:
    report = boards.look()
    assert faults(report) == set(), report.to_json()
    told = {f.what for f in report.findings if f.code == "multicast"}
    assert any(f"{boards.b.address} answered, with the nodes pi-b" in what for what in told)
    assert "is ours and answers; runs right, meet, tail" in {f.what for f in report.findings}


def test_multicast_passes_neither_way(boards: Boards) -> None:
    with boards.no_multicast_to("port1", "port2"):
        report = boards.look("multicast-blocked")
    found = only(report, "multicast-blocked")
    assert found.where == f"eth0 ({boards.a.address})"
    assert f"{boards.b.address} answers when asked directly; multicast passes neither" in found.what
    absent = [f.severity for f in report.findings if f.code == "node-absent"]
    assert absent in ([], [Severity.NOTE]), "who is missing is explained by that"


def test_our_multicast_does_not_get_there(boards: Boards) -> None:
    """Whether theirs was heard meanwhile is a matter of whether they spoke."""
    with boards.no_multicast_to("port2"):
        boards.fault("multicast-blocked")


def test_their_multicast_does_not_come_here(boards: Boards) -> None:
    with boards.no_multicast_to("port1"):
        found = boards.fault("multicast-oneway")
    assert f"{boards.b.address} answers our multicast, and no multicast comes here" in found.what


def test_an_interface_without_multicast(boards: Boards) -> None:
    with (
        boards.no_multicast_to("port1", "port2"),
        boards.changed(boards.a, "link set eth0 multicast off", "link set eth0 multicast on"),
    ):
        found = boards.fault("multicast-off")
    assert "sudo ip link set eth0 multicast on" in found.advice


def test_the_wrong_interface(boards: Boards) -> None:
    found = boards.fault("multicast-wrong", interfaces=["lo"])
    assert found.where == f"node pi-b at {boards.b.address}:{PORT} (eth0)"
    assert found.advice.startswith("interfaces: [eth0]")


def test_an_interface_that_is_down(boards: Boards) -> None:
    with boards.changed(boards.a, "link set eth0 down", "link set eth0 up"):
        found = boards.fault("multicast-interface", interfaces=["eth0"])
    assert found.what == "it is down"


def test_a_cable_that_is_not_plugged_in(boards: Boards) -> None:
    with boards.changed(boards.hub, "link set port1 down", "link set port1 up"):
        found = boards.fault("multicast-interface", interfaces=["eth0"])
    assert found.what == "nothing is connected"


def test_an_interface_without_an_address(boards: Boards) -> None:
    address = f"{boards.a.address}/24 dev eth0"
    with boards.changed(boards.a, f"address del {address}", f"address add {address}"):
        found = boards.fault("multicast-address")
    assert found.where == "eth0"


def test_somebody_keeps_the_port_of_mdns(boards: Boards) -> None:
    with inside(boards.a.namespace):
        keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with keeper:
        keeper.bind(("", 5353))
        report = boards.look("multicast-port")
    assert faults(report) == {"multicast-port"}, report.to_json()
    found = next(f for f in report.findings if f.code == "multicast-port")
    assert "(pid " in found.what, "who keeps it is named"


def test_a_firewall_that_swallows(boards: Boards) -> None:
    rule = f"ipproto tcp sport {PORT} blackhole"
    with boards.changed(boards.b, f"rule add {rule}", f"rule del {rule}"):
        found = boards.fault("node-silent")
    assert "its host answers mDNS, and what is sent to its port is swallowed" in found.what
    assert f"TCP port {PORT}" in found.advice


def test_no_way_there(boards: Boards) -> None:
    route = f"unreachable {boards.b.address}"
    with boards.changed(boards.a, f"route add {route}", f"route del {route}"):
        report = boards.look("node-route")
    assert faults(report) <= {"node-route", "multicast-oneway"}, report.to_json()
    assert "node-route" in faults(report)


def test_another_board_has_our_name(boards: Boards) -> None:
    shutil.copytree(boards.setup.folder / "identity of pi-b", boards.setup.folder / "copy")
    try:
        found = boards.fault("node-duplicate", name="pi-b", identity="copy")
    finally:
        shutil.rmtree(boards.setup.folder / "copy")
    assert f"here and {boards.b.address}:{PORT}" in found.what
