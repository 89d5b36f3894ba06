"""Judgements of facts that no test here can make, and of those with many cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgechain.deploy.doctor.checks import (
    camera,
    clock,
    disk,
    firewall,
    interpreter,
    memory,
    multicast,
    neighbours,
    packages,
    port,
    python,
    throttling,
)
from edgechain.deploy.doctor.checks.camera import CameraFacts, VideoDevice
from edgechain.deploy.doctor.checks.clock import ClockFacts
from edgechain.deploy.doctor.checks.disk import DiskFacts
from edgechain.deploy.doctor.checks.firewall import FirewallFacts
from edgechain.deploy.doctor.checks.interpreter import InterpreterFacts
from edgechain.deploy.doctor.checks.memory import MemoryFacts
from edgechain.deploy.doctor.checks.multicast import MulticastFacts
from edgechain.deploy.doctor.checks.neighbours import Neighbour, Peer, Wanted
from edgechain.deploy.doctor.checks.packages import Installed, PackagesFacts
from edgechain.deploy.doctor.checks.port import PortFacts
from edgechain.deploy.doctor.checks.python import PythonFacts
from edgechain.deploy.doctor.checks.throttling import ThrottlingFacts
from edgechain.deploy.doctor.findings import Finding, Severity
from edgechain.discovery.interfaces import Interface
from edgechain.discovery.peers import PeerHint
from edgechain.discovery.soundings import Sounding
from edgechain.spec.status import LinkStatus
from tests.spec.statuses import node_status, stage_status


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.code, f.severity) for f in findings]


# Python and packages -----------------------------------------------------------------------------


def test_an_old_python() -> None:
    facts = PythonFacts((3, 9, 2), "CPython", 64, "aarch64", "/usr/bin/python3")
    assert codes(python.judge(facts)) == [("python-old", "fault")]
    assert codes(python.judge(replace(facts, version=(3, 11, 2)))) == [("python", "ok")]


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("1.26.4", "numpy>=1.26", True),
        ("2", "numpy<2", False),
        ("1.99.dev0", "numpy<2", True),
        ("6.33", "protobuf<8,>=6.33", True),
        ("8.0.0", "protobuf<8,>=6.33", False),
        ("6.9", "protobuf<8,>=6.33", False),
        ("2.14.0", "tflite-runtime==2.14.0", True),
        ("2.14", "tflite-runtime==2.14.0", True),
        ("1.0", "anything", True),
        ("1.0", "a!=1.0", False),
    ],
)
def test_versions(version: str, wanted: str, fits: bool) -> None:
    assert packages.fits(version, wanted) is fits


@pytest.mark.parametrize(
    ("tag", "python_", "machine", "runs"),
    [
        ("cp311-cp311-manylinux2014_aarch64", "cp311", "aarch64", True),
        ("cp311-cp311-manylinux2014_aarch64", "cp313", "aarch64", False),
        ("cp39-abi3-manylinux_2_34_aarch64", "cp313", "aarch64", True),
        ("cp313-abi3-manylinux_2_34_aarch64", "cp311", "aarch64", False),
        ("py3-none-any", "cp311", "armv7l", True),
        ("py2.py3-none-any", "cp311", "armv7l", True),
        ("py3-none-manylinux2014_x86_64", "cp311", "aarch64", False),
        ("cp311-cp311-linux_armv6l", "cp311", "armv7l", True),
        ("cp311-cp311-linux_armv7l", "cp311", "aarch64", False),
    ],
)
def test_what_runs_where(tag: str, python_: str, machine: str, runs: bool) -> None:
    facts = PackagesFacts("here", python_, machine, ("a",), (Installed("a", "1", (tag,)),))
    assert codes(packages.judge(facts)) == [("packages", "ok")] * runs or not runs
    assert (codes(packages.judge(facts)) == [("packages-abi", "fault")]) is not runs


def test_a_package_that_is_missing() -> None:
    facts = PackagesFacts("here", "cp311", "aarch64", ("a>=1", "b; os_name == 'nt'"), ())
    (found,) = packages.judge(facts)
    assert (found.code, found.what) == ("packages-missing", "a>=1 is not installed")


# The interpreter ---------------------------------------------------------------------------------

RUNS = InterpreterFacts("auto", "litert", "2.1.0", "2.2.6", "invoked", delegates=1)


def test_an_interpreter_without_its_delegate_is_slow() -> None:
    found = interpreter.judge(replace(RUNS, delegates=0))
    assert codes(found) == [("interpreter-delegate", "warning")]


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"ended": "was killed by signal 4"}, "it was killed by signal 4 after it had loaded"),
        ({"problem": "answers 7 where 2"}, "it answers 7 where 2"),
        ({"ended": "hung for 60 s"}, "it hung for 60 s"),
    ],
)
def test_an_interpreter_that_does_not_run(how: dict[str, Any], what: str) -> None:
    facts = replace(RUNS, reached="loaded a model", **how)
    (found,) = interpreter.judge(facts)
    assert found.code == "interpreter-broken"
    assert what in found.what


def test_an_operator_that_is_too_new() -> None:
    said = "Didn't find op for builtin opcode 'CONV_2D' version '9'. An older version may be"
    (found,) = interpreter.judge(replace(RUNS, stages={"head": said, "tail": ""}))
    assert found.code == "model-operator"
    assert "CONV_2D in version 9" in found.what


# The machine -------------------------------------------------------------------------------------

CLOCK = ClockFacts(now=1.8e9, earliest=1.7e9, synchronised=True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ("clock", "ok")),
        ({"synchronised": None}, ("clock", "ok")),
        ({"synchronised": False}, ("clock-unsynchronised", "warning")),
        ({"newest": 1.8e9 + 60}, ("clock", "ok")),
        ({"newest": 1.8e9 + 600}, ("clock-behind", "fault")),
        ({"now": 5.0, "newest": 1.8e9, "synchronised": False}, ("clock-unset", "fault")),
        ({"jump": 0.1}, ("clock", "ok")),
        ({"jump": -2.0}, ("clock-jumps", "warning")),
    ],
)
def test_clocks(change: dict[str, Any], code: tuple[str, str]) -> None:
    assert codes(clock.judge(replace(CLOCK, **change))) == [code]


DISK = DiskFacts("/", 20 << 30, 30 << 30, 1000, 2000, readonly=False, written=True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ("disk", "ok")),
        ({"free": 200 << 20}, ("disk-low", "warning")),
        ({"free": 200 << 20, "total": 300 << 20}, ("disk", "ok")),
        ({"free_files": 0, "files": 0}, ("disk", "ok")),
        ({"readonly": True, "written": False}, ("disk-readonly", "warning")),
        ({"problem": "Input/output error"}, ("disk-readonly", "fault")),
    ],
)
def test_disks(change: dict[str, Any], code: tuple[str, str]) -> None:
    assert codes(disk.judge(replace(DISK, **change))) == [code]


MEMORY = MemoryFacts(limit=1000, available=500, swap_free=0, zram=False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"needed": 300}, ("memory", "ok")),
        ({"needed": 450}, ("memory-tight", "warning")),
        ({"needed": 600}, ("memory-small", "fault")),
        ({"needed": 600, "swap_free": 200}, ("memory-tight", "warning")),
        ({"needed": 600, "held": 400}, ("memory", "ok")),
        ({"needed": 1100, "swap_free": 9000}, ("memory-small", "fault")),
        ({"needed": 300, "allowed": 200}, ("memory-small", "fault")),
    ],
)
def test_memory(change: dict[str, Any], code: tuple[str, str]) -> None:
    assert codes(memory.judge(replace(MEMORY, **change))) == [code]


@pytest.mark.parametrize(
    ("bits", "found"),
    [
        (0x1, [("throttling-voltage", "fault")]),
        (0x8, [("throttling-now", "warning")]),
        (0x40000, [("throttling-past", "note")]),
        (0x50004, [("throttling-voltage", "warning"), ("throttling-now", "warning")]),
    ],
)
def test_throttling(bits: int, found: list[tuple[str, str]]) -> None:
    assert codes(throttling.judge(ThrottlingFacts(firmware=bits))) == found


@pytest.mark.parametrize(
    ("devices", "needed", "code"),
    [
        ((), True, ("camera-none", "fault")),
        ((VideoDevice("/dev/video10", "bcm2835-isp", "video", usable=True),), False, None),
        ((VideoDevice("/dev/video0", "unicam", "video", usable=False),), True, "forbidden"),
    ],
)
def test_cameras(devices: tuple[VideoDevice, ...], needed: bool, code: Any) -> None:
    expected = {None: ("camera-none", "note"), "forbidden": ("camera-forbidden", "fault")}
    facts = CameraFacts(devices, "pi", is_needed=needed)
    assert codes(camera.judge(facts)) == [expected.get(code, code)]


def test_ports() -> None:
    facts = PortFacts("0.0.0.0", 50551, "pi-a", "taken", "python -m edgechain.node (pid 7)", "pi-a")
    assert codes(port.judge(facts)) == [("port", "ok")], "it runs already"
    assert codes(port.judge(replace(facts, node="pi-b"))) == [("port-taken", "fault")]
    assert codes(port.judge(replace(facts, node=""))) == [("port-taken", "fault")]
    facts = PortFacts("0.0.0.0", 80, "pi-a", "forbidden")
    assert codes(port.judge(facts)) == [("port-forbidden", "fault")]


IPTABLES = """*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
%s
COMMIT"""


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (IPTABLES % "", "firewall-rules"),
        (IPTABLES % "-A INPUT -p udp -m multiport --dports 5353,50000:51000 -j ACCEPT", "firewall"),
        (IPTABLES.replace("DROP", "ACCEPT") % "", "firewall"),
        (IPTABLES.replace("DROP", "ACCEPT") % "-A INPUT -j REJECT", "firewall-rules"),
    ],
)
def test_rules_of_iptables(rules: str, code: str) -> None:
    facts = FirewallFacts("iptables-save", rules, (("udp", 5353), ("tcp", 50551)))
    assert [f.code for f in firewall.judge(facts)] == [code]


def test_without_a_firewalls_tool_nothing_is_said() -> None:
    assert firewall.judge(FirewallFacts("", "", ())) == []


# The network -------------------------------------------------------------------------------------

ETH0 = Interface("eth0", 2, ("10.0.0.1",), True, True, True, False, False)
VPN = replace(
    ETH0, name="wg0", addresses=("10.9.0.1",), has_multicast=False, is_point_to_point=True
)


def test_what_is_silent_here_is_a_firewall_here() -> None:
    facts = MulticastFacts((ETH0,), (Sounding(ETH0, asked=3),))
    assert codes(multicast.judge(facts)) == [("multicast-silent", "fault")]


def test_nobody_answers() -> None:
    facts = MulticastFacts((ETH0,), (Sounding(ETH0, asked=3, own=True),))
    assert codes(multicast.judge(facts)) == [("multicast-alone", "note")]


def test_a_vpn_is_no_fault_unless_it_is_wanted() -> None:
    facts = MulticastFacts((VPN,), (Sounding(VPN, asked=3),))
    assert codes(multicast.judge(facts)) == [("multicast-off", "note")]
    facts = replace(facts, wanted=("wg0",))
    assert codes(multicast.judge(facts)) == [("multicast-off", "fault")]


def test_what_works_without_the_flag_works() -> None:
    bare = replace(ETH0, has_multicast=False)
    heard = Sounding(
        bare, 3, own=True, answered=frozenset({"10.0.0.2"}), heard=frozenset({"10.0.0.2"})
    )
    assert codes(multicast.judge(MulticastFacts((bare,), (heard,)))) == [("multicast", "ok")]


WANTED = Wanted("lab", 3, "1.0", name="pi-a", chain="digits", generation="ab" * 32)
HINT = PeerHint("pi-b", "lab", "digits", "ab" * 8, 7, ("10.0.0.2:50551",), 3)
STATUS = node_status(
    name="pi-b", namespace="lab", chain="digits", generation="ab" * 32, incarnation=7, version="1.0"
)
STAGE = stage_status("head", ran=1)
LINK = LinkStatus(peer="pi-c", address="10.0.0.3:50551", state="refused", queued=0, sent_bytes=0)


def near(**change: Any) -> Neighbour:
    usual = Neighbour(HINT, ("eth0",), {HINT.addresses[0]: "open"}, status=STATUS)
    return replace(usual, **change)


def test_a_node_that_is_ours() -> None:
    assert codes(neighbours.judge(WANTED, [near()])) == [("node", "ok")]


def test_a_link_that_is_not_up() -> None:
    status = STATUS.model_copy(update={"links": (LINK,)})
    found = neighbours.judge(WANTED, [near(status=status)])
    assert codes(found) == [("node-link", "warning"), ("node", "ok")]
    assert found[0].what == "its link to pi-c is refused"


def test_another_release_is_worth_knowing() -> None:
    status = STATUS.model_copy(update={"version": "0.9"})
    found = neighbours.judge(WANTED, [near(status=status)])
    assert codes(found) == [("node-release", "note"), ("node", "ok")]


def test_a_board_that_announces_loopback() -> None:
    astray = replace(HINT, addresses=("127.0.0.1:50551",))
    told = near(
        hint=astray,
        ports={"127.0.0.1:50551": "refused"},
        status=None,
        told_by=frozenset({"10.0.0.2"}),
    )
    (found,) = neighbours.judge(WANTED, [told])
    assert found.code == "node-route"
    assert "where only itself is" in found.what


def test_another_chain_is_none_of_our_business() -> None:
    other = near(hint=replace(HINT, chain="other", generation="cd" * 8), ports={})
    assert codes(neighbours.judge(WANTED, [other])) == [("node", "ok")]


def test_other_namespaces_are_mentioned() -> None:
    far = near(hint=replace(HINT, namespace="attic", chain="other"))
    found = neighbours.judge(WANTED, [near(), far])
    assert codes(found) == [("node", "ok"), ("node-namespace", "note")]


def test_what_is_missing_is_explained_by_a_fault() -> None:
    wanted = replace(WANTED, stages=frozenset({"head", "tail"}))
    status = STATUS.model_copy(update={"stages": (STAGE,)})
    (found,) = neighbours.judge_absent(wanted, [near(status=status)], [])
    assert (found.severity, found.what) == (
        Severity.FAULT,
        "nobody who was heard of runs tail in namespace lab",
    )
    broken = neighbours.judge(WANTED, [near(hint=replace(HINT, version=9))])
    (found,) = neighbours.judge_absent(wanted, [], broken)
    assert found.severity is Severity.NOTE


def test_who_does_not_tell_may_run_anything() -> None:
    wanted = replace(WANTED, stages=frozenset({"tail"}))
    assert neighbours.judge_absent(wanted, [near(status=None)], []) == []


@pytest.mark.parametrize(
    ("state", "what"),
    [("refused", "nobody listens"), ("silent", "nothing answers"), ("no route", "no way leads")],
)
def test_a_peer_that_cannot_be_reached(state: str, what: str) -> None:
    (found,) = neighbours.judge_peer(Peer("10.0.0.2:50551", state))
    assert found.code == "node-peer"
    assert found.what.startswith(what)
    assert neighbours.judge_peer(Peer("10.0.0.2:50551", "open", STATUS)) == []
