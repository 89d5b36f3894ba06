"""What is wrong with the machine: packages, interpreter, clock, disk, memory, port, board.

Everything is really made: another numpy, a clock of 1970, a full file system, a small control
group, programs that stand for the firmware's and the firewall's where this machine has none.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgechain.deploy.doctor.checks import throttling as check
from edgechain.deploy.doctor.checks.memory import MemoryFacts
from edgechain.deploy.doctor.examination import examine
from edgechain.deploy.doctor.findings import Severity
from edgechain.deploy.doctor.machine import Places
from edgechain.deploy.doctor.probes import memory, throttling
from edgechain.deploy.doctor.probes.invoke import TINY
from edgechain.deploy.doctor.question import Question
from edgechain.runtime.interpreter import InterpreterKind, open_interpreter
from tests.chain import chains
from tests.deploy.doctor import setups
from tests.deploy.doctor.setups import (
    LOOPBACK,
    Setup,
    examined,
    examined_outside,
    faults,
    manifest_of,
    only,
    warnings,
)
from tests.faults import clocked_node
from tests.model.made import Made
from tests.ports import free_ports
from tests.watch.needs import ROOT

GROUPS = Path("/sys/fs/cgroup/memory")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


async def test_nothing_blocks_the_loop(setup: Setup) -> None:
    report = await examine(Question(configs=(setup.config,), listen=0.1))
    assert faults(report) == set(), report.to_json()


# Packages ----------------------------------------------------------------------------------------


@pytest.fixture
def first_on_path(tmp_path: Path) -> Path:
    """A folder whose packages hide those of this environment."""
    folder = tmp_path / "first"
    folder.mkdir()
    return folder


def distribution(folder: Path, name: str, version: str, tag: str = "py3-none-any") -> None:
    """A package's metadata, and nothing else of it."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")


def beside(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


@pytest.mark.parametrize(
    ("version", "tag", "code", "words"),
    [
        ("0.12.0", "py3-none-any", "packages-old", "uvloop 0.12.0 is installed, and edgechain ne"),
        ("9.0.0", "cp38-cp38-manylinux2014_x86_64", "packages-abi", "was built for cp38-cp38"),
        ("9.0.0", "cp311-cp311-manylinux2014_s390x", "packages-abi", "manylinux2014_s390x; this "),
    ],
)
def test_a_package(
    setup: Setup, first_on_path: Path, version: str, tag: str, code: str, words: str
) -> None:
    distribution(first_on_path, "uvloop", version, tag)
    report = examined_outside([setup.config], environment=beside(first_on_path))
    assert words in only(report, code).what


def test_a_package_that_cannot_be_imported(setup: Setup, first_on_path: Path) -> None:
    (first_on_path / "zeroconf.py").write_text('raise ImportError("libc.musl: not found")')
    report = examined_outside([setup.config], environment=beside(first_on_path))
    found = only(report, "packages-broken")
    assert "cannot be imported: ImportError: libc.musl: not found" in found.what


# The interpreter ---------------------------------------------------------------------------------


def nope() -> Made:
    """A model with a custom operator that nobody has."""
    made = Made()
    main = made.graph()
    main.operator("Nope", [main.input("x")], [main.tensor("y")])
    main.outputs.append(1)
    return made


def doubling() -> Made:
    made = Made()
    main = made.graph()
    x = main.input("x")
    main.outputs.append(main.add("y", x, x))
    return made


def test_the_tiny_model_is_what_it_says() -> None:
    assert doubling().content() == TINY
    with open_interpreter(TINY, kind=InterpreterKind.LITERT) as interpreter:
        interpreter.allocate()
        assert "ADD" in interpreter.operators()


@pytest.mark.parametrize("kind", ["litert", pytest.param("tflite", marks=pytest.mark.tflite)])
def test_a_missing_custom_operator(setup: Setup, kind: str) -> None:
    setups.model_chain(setup.chain, nope())
    setup.write(interpreter=kind)
    found = only(examined(setup), "model-operator")
    assert found.where == "stage only"
    assert "custom operator Nope," in found.what


@pytest.mark.parametrize("kind", ["litert", pytest.param("tflite", marks=pytest.mark.tflite)])
def test_a_model_that_can_be_run(setup: Setup, kind: str) -> None:
    setups.model_chain(setup.chain, doubling())
    setup.write(interpreter=kind)
    report = examined(setup)
    assert faults(report) == set(), report.to_json()
    (found,) = [f for f in report.findings if f.code == "interpreter"]
    assert found.what.endswith("1 models tried")


def test_a_model_that_is_none(setup: Setup) -> None:
    broken = doubling()
    broken.graphs[0].operators[0].inputs = [0, 77]
    setups.model_chain(setup.chain, broken)
    assert only(examined(setup), "model-refused").where == "stage only"


def test_an_interpreter_that_is_not_installed(setup: Setup, first_on_path: Path) -> None:
    """Found by its name: what is first on the path hides the real one."""
    hidden = "import sys; sys.modules['tflite_runtime'] = None"
    (first_on_path / "sitecustomize.py").write_text(hidden)
    setup.write(interpreter="tflite")
    report = examined_outside([setup.config], environment=beside(first_on_path))
    assert "tflite-runtime is not installed" in only(report, "interpreter-missing").what


@pytest.fixture(scope="session")
def numpy2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """numpy 2 in a folder of its own, from the package index or uv's cache."""
    folder = tmp_path_factory.mktemp("numpy2")
    words = ["-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    words += ["--target", str(folder), "numpy>=2,<2.3"]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=100, check=False
    )
    if done.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail(done.stderr)
        pytest.skip(f"no numpy 2 to try: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.mark.tflite
def test_numpy_2_with_tflite_runtime(setup: Setup, numpy2: Path) -> None:
    setup.write(interpreter="tflite")
    found = only(examined_outside([setup.config], environment=beside(numpy2)), "interpreter-numpy")
    assert "was built for numpy 1 and meets numpy 2." in found.what
    assert found.advice == "pip install 'numpy<2'"


def test_numpy_2_with_litert(setup: Setup, numpy2: Path) -> None:
    setup.write(interpreter="litert")
    report = examined_outside([setup.config], environment=beside(numpy2))
    assert faults(report) == set(), report.to_json()


# The clock ---------------------------------------------------------------------------------------


@pytest.fixture
def false_clock(tmp_path: Path) -> Path:
    """A file that says what time it is for a process with ``told_by`` in its environment."""
    if clocked_node.library() is None:
        pytest.skip("needs libfaketime (Debian's faketime)")
    return tmp_path / "node.clock"


def test_1970(setup: Setup, false_clock: Path) -> None:
    false_clock.write_text("@1970-01-01 00:00:05")
    report = examined_outside([setup.config], environment=clocked_node.environment(setup.config))
    found = only(report, "clock-unset")
    assert "it shows 1970-01-01 00:00" in found.what


def test_a_clock_behind_its_own_files(setup: Setup) -> None:
    tomorrow = time.time() + 86_400
    os.utime(setup.config, (tomorrow, tomorrow))
    assert "node.yaml is from 20" in only(examined(setup), "clock-behind").what


SET_MEANWHILE = """
import sys
from pathlib import Path
from edgechain.deploy.doctor.checks.clock import judge
from edgechain.deploy.doctor.probes.clock import ClockProbe
probe = ClockProbe()
Path(sys.argv[1]).write_text(sys.argv[2])
(found,) = judge(probe.look())
print(found.code, found.what)
"""


@pytest.mark.parametrize(
    ("told", "words"),
    [("+600", "clock-jumps it was set by +600.0 s"), ("-5", "clock-jumps"), ("+0", "clock")],
)
def test_a_clock_that_is_set_meanwhile(
    setup: Setup, false_clock: Path, told: str, words: str
) -> None:
    false_clock.write_text("+0")
    done = subprocess.run(
        [sys.executable, "-c", SET_MEANWHILE, str(false_clock), told],
        env={**os.environ, **clocked_node.environment(setup.config)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(words)
    assert ("jumps" in done.stdout) is ("jumps" in words)


# The port ----------------------------------------------------------------------------------------


def test_a_taken_port(setup: Setup) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        setup.write(port=taken.getsockname()[1])
        found = only(examined(setup), "port-taken")
    assert f"(pid {os.getpid()})" in found.what, "who has it is named"


def test_a_free_port(setup: Setup) -> None:
    (port,) = free_ports(1)
    setup.write(port=port)
    assert faults(examined(setup)) == set()


def test_an_address_that_is_not_ours(setup: Setup) -> None:
    setup.write(host="192.0.2.77")
    assert "no address 192.0.2.77" in only(examined(setup), "port-address").what


def test_an_interface_that_is_not_there(setup: Setup) -> None:
    setup.write(interfaces=["nope0"])
    found = only(examined(setup), "multicast-interface")
    assert "there is no interface nope0; there are lo (127.0.0.1)" in found.what


# Disk and memory ---------------------------------------------------------------------------------


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own; where nothing else of this machine is written."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@as_root
@pytest.mark.once
def test_a_full_disk(setup: Setup, tmp_path: Path) -> None:
    with mounted(tmp_path / "tmp", "size=20M") as folder:
        control = examined_outside([setup.config], environment={"TMPDIR": str(folder)})
        (folder / "log").write_bytes(bytes(18 << 20))
        report = examined_outside([setup.config], environment={"TMPDIR": str(folder)})
    assert faults(control) == set(), control.to_json()
    found = only(report, "disk-full")
    assert (found.where, found.what) == (str(folder), "2 MB of 21 MB free")


@as_root
@pytest.mark.once
def test_a_disk_that_holds_no_more_files(setup: Setup, tmp_path: Path) -> None:
    with mounted(tmp_path / "tmp", "size=200M,nr_inodes=20") as folder:
        report = examined_outside([setup.config], environment={"TMPDIR": str(folder)})
    assert "more files, though" in only(report, "disk-inodes").what


@as_root
@pytest.mark.once
def test_a_disk_that_can_only_be_read(setup: Setup, tmp_path: Path) -> None:
    """The root of a flashed device, as a card is mounted after errors."""
    with mounted(tmp_path / "root", "size=200M") as root:
        generation = root / "generations" / "000001-abc"
        generation.mkdir(parents=True)
        for name in ("node.yaml", "chain", "identity"):
            source = setup.folder / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, generation / name)
        control = examined_outside([generation / "node.yaml"])
        subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
        report = examined_outside([generation / "node.yaml"])
    assert faults(control) == set(), control.to_json()
    assert only(report, "disk-readonly").where == str(root)


def test_a_chain_that_is_too_large_for_this_machine(tmp_path: Path) -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    row = whole // 64 // 8
    manifest = chains.connected(
        *(f"chain-{uuid.uuid4().hex[:12]}", chains.actor("all", "Affine", "x", "y")),
        specs={name: chains.numbers(name, row) for name in "xy"},
    )
    setup = setups.sound(tmp_path, manifest, slots=64)
    found = only(examined(setup), "memory-small")
    assert "the stages here need at least" in found.what
    setup.write(slots=1)
    assert faults(examined(setup)) == set(), "fewer slots are the advice"


@as_root
@pytest.mark.once
@pytest.mark.skipif(not GROUPS.is_dir(), reason="needs control groups of version 1")
def test_a_control_group_that_is_too_small(tmp_path: Path) -> None:
    """400 MB for a node whose slots want 1 GB."""
    manifest = chains.connected(
        *(f"chain-{uuid.uuid4().hex[:12]}", chains.actor("all", "Affine", "x", "y")),
        specs={name: chains.numbers(name, 16 << 20) for name in "xy"},
    )
    setup = setups.sound(tmp_path, manifest, slots=4)
    assert setups.slot_bytes(manifest) * 4 == 1 << 30
    with group(400 << 20) as members:
        enter = ["sh", "-c", f'echo $$ > {members} && exec "$@"', "sh"]
        report = examined_outside([setup.config], before=enter)
    assert only(report, "memory-small").where == "memory (of its control group)"
    assert faults(examined_outside([setup.config])) == set(), manifest_of(setup).name


@contextmanager
def group(limit: int) -> Iterator[Path]:
    """A control group; the file that says who is in it."""
    folder = GROUPS / f"edgechain-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        (folder / "memory.limit_in_bytes").write_text(str(limit))
        yield folder / "cgroup.procs"
    finally:
        folder.rmdir()


@pytest.mark.parametrize("version", [1, 2])
def test_control_groups_of_both_versions(tmp_path: Path, version: int) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 1000000 kB\nMemAvailable: 800000 kB\nSwapFree: 5 kB\n")
    (proc / "swaps").write_text("Filename Type\n/dev/zram0 partition\n")
    told = "0::/service" if version == 2 else "5:cpu:/service\n4:memory:/service"
    (proc / "self" / "cgroup").write_text(f"{told}\n")
    names = ("memory.max", "memory.current")
    names = names if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    folder = groups / "service" if version == 2 else groups / "memory" / "service"
    folder.mkdir(parents=True)
    for name, count in zip(names, (400_000_000, 100_000_000), strict=True):
        (folder / name).write_text(f"{count}\n")
    facts = memory.look(needed=7, held=8, proc=proc, groups=groups)
    assert facts == MemoryFacts(400_000_000, 300_000_000, 5120, True, 7, 8, is_group=True)
    (folder / names[0]).write_text("max\n" if version == 2 else f"{1 << 62}\n")
    assert memory.look(proc=proc, groups=groups).limit == 1_024_000_000


# The board ---------------------------------------------------------------------------------------


def program(folder: Path, name: str, says: str) -> dict[str, str]:
    """A program of this name, first on the path, that prints this."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("bits", "fault", "warning"),
    [
        ("0x50005", {"throttling-voltage"}, set()),
        ("0x20002", set(), {"throttling-now"}),
    ],
)
def test_what_the_firmware_says(
    setup: Setup, tmp_path: Path, bits: str, fault: set[str], warning: set[str]
) -> None:
    path = program(tmp_path / "bin", "vcgencmd", f"throttled={bits}")
    report = examined_outside([setup.config], environment=path)
    assert (faults(report), warnings(report)) == (fault, warning), report.to_json()


RULES = """table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport { 22, 80 } accept
    %s
  }
}"""


@pytest.mark.parametrize(
    ("rule", "closed"),
    [
        ("udp dport 5353 accept", {"firewall-rules"}),
        ("udp dport mdns accept\n    tcp dport 50000-51000 accept", set()),
    ],
)
def test_what_the_firewall_says(setup: Setup, tmp_path: Path, rule: str, closed: set[str]) -> None:
    path = program(tmp_path / "bin", "nft", RULES % rule)
    report = examined_outside([setup.config], environment=path)
    assert (faults(report), warnings(report)) == (set(), closed), report.to_json()


@pytest.fixture
def board(tmp_path: Path) -> Places:
    """A machine's devices and sensors: a camera, and a zone that is cool."""
    places = Places(dev=tmp_path / "dev", sys=tmp_path / "sys")
    names = {"video0": "unicam", "video10": "bcm2835-codec-decode"}
    for name, driver in names.items():
        places.dev.mkdir(exist_ok=True)
        (places.dev / name).touch()
        shown = places.sys / "class" / "video4linux" / name
        shown.mkdir(parents=True)
        (shown / "name").write_text(f"{driver}\n")
    zone = places.sys / "class" / "thermal" / "thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48000\n")
    return places


async def test_a_camera(setup: Setup, board: Places) -> None:
    report = await examine(Question(configs=(setup.config,), listen=0.1), board)
    (found,) = [f for f in report.findings if f.subject == "camera"]
    assert (found.code, found.what) == ("camera", f"{board.dev}/video0 unicam")
    (cool,) = [f for f in report.findings if f.subject == "throttling"]
    assert cool.what == "48 degrees"


AS_NOBODY = """
import os, sys
from pathlib import Path
from edgechain.deploy.doctor.checks import camera as check
from edgechain.deploy.doctor.probes import camera
os.setgroups([])
os.setuid(65534)
(found,) = check.judge(camera.look(Path(sys.argv[1])))
print(found.code, found.what)
"""


@as_root
def test_a_camera_that_may_not_be_used() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, camera = Path(name), Path(name) / "video0"
        folder.chmod(0o755)
        camera.touch(0o660)
        words = [sys.executable, "-c", AS_NOBODY, name]
        said = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout
        camera.chmod(0o666)
        control = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said == "camera-forbidden nobody may not use it; group root may\n"
    assert control.startswith("camera /"), control


async def test_a_hot_board_is_a_warning(board: Places) -> None:
    (board.sys / "class" / "thermal" / "thermal_zone0" / "temp").write_text("79500\n")
    (found,) = check.judge(await throttling.look(board.sys))
    assert (found.code, found.severity) == ("throttling-hot", Severity.WARNING)


async def test_a_governor_that_saves_power(board: Places) -> None:
    frequency = board.sys / "devices" / "system" / "cpu" / "cpu0" / "cpufreq"
    frequency.mkdir(parents=True)
    told = {
        "scaling_governor": "powersave",
        "scaling_driver": "cpufreq-dt",
        "cpuinfo_max_freq": "1500000",
        "scaling_max_freq": "1500000",
    }
    for name, text in told.items():
        (frequency / name).write_text(f"{text}\n")
    (found,) = check.judge(await throttling.look(board.sys))
    assert found.code == "throttling-governor"
    (frequency / "scaling_governor").write_text("ondemand\n")
    (found,) = check.judge(await throttling.look(board.sys))
    assert found.code == "throttling"
