"""What some tests need and not every machine has: each is skipped by name, never silently.

Where ``CI`` is set, test data that is absent fails the test instead: nothing there may pass
because it was not tried.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from edgechain.deploy.pins import pin
from edgechain.deploy.platform import Platform
from edgechain.errors import InvalidBundle

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

SHARED = ROOT.parent / "shared"
"""Models and photographs beside the repository, no part of it."""

SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Where Debian keeps what makes file systems, on everybody's path or not."""

PROBE = f"edgechain-probe-{os.getpid()}"


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of real models; SOURCES.md in it says what they are."""
    return _present(SHARED / "models")


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder of real photographs."""
    return _present(SHARED / "images")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is left out unless it is asked for."""
    parser.addoption("--fleet", action="store_true", help="also boot and emulate whole machines")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a marked test whose need is not met here."""
    if item.get_closest_marker("fleet") and not item.config.getoption("--fleet"):
        pytest.skip("left out: it takes a whole machine, or long; `make fleet` runs it")
    for mark, folder in (("models", SHARED / "models"), ("images", SHARED / "images")):
        if item.get_closest_marker(mark):
            _present(folder)
    for mark, (missing, refuse) in _needs().items():
        if item.get_closest_marker(mark) and (reason := missing()):
            refuse(reason)


def _needs() -> dict[str, tuple[Callable[[], str], Callable[[str], NoReturn]]]:
    """By marker: what says why it cannot be met here, and what comes of that.

    CI installs all that can be installed; whether a kernel lets us mount and make namespaces is
    another question.
    """
    return {
        "netns": (no_namespaces, pytest.skip),
        "fat": (no_fat, pytest.skip),
        "tflite": (no_tflite, pytest.skip),
        "cloudinit": (no_cloud_init, _absent),
        "exports": (no_export_tools, _absent),
        "sshd": (no_sshd, _absent),
        "ext4": (no_ext4, _absent),
        "dnsmasq": (no_dnsmasq, _absent),
        "systemd": (no_systemd, _absent),
        "aarch64": (no_aarch64, _absent),
    }


@functools.cache
def no_aarch64() -> str:
    """Why a board's Python cannot be had and emulated here; empty when it can."""
    for tool, package in (
        ("qemu-aarch64-static", "qemu-user-static"),
        ("apt-get", "apt"),
        ("dpkg-deb", "dpkg"),
    ):
        if shutil.which(tool) is None:
            return f"emulating a board needs Debian's {tool} ({package})"
    try:
        pin(["pip"], Platform("3.11", "aarch64"))
    except InvalidBundle as error:
        return f"emulating a board needs the package index: {error}"
    return ""


@functools.cache
def no_ext4() -> str:
    """Why no ext4 of our own can be mounted here; empty when it can."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    make = shutil.which("mkfs.ext4", path=SYSTEM_PATH)
    if make is None:
        return "there is no mkfs.ext4 (e2fsprogs)"
    with tempfile.TemporaryDirectory(prefix="edgechain-probe-") as folder:
        image, place = Path(folder) / "image", Path(folder) / "place"
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(4 << 20)
        for words in ((make, "-q", image), ("mount", "-o", "loop", image, place)):
            command = [str(word) for word in words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return f"no ext4 can be mounted here: {done.stderr.strip()}"
        subprocess.run(["umount", place], check=True)
    return ""


@functools.cache
def no_export_tools() -> str:
    """Why exports cannot be checked with other people's tools here; empty when they can."""
    missing = [n for n in ("kubernetes_validate", "ansible") if not importlib.util.find_spec(n)]
    return f"not installed: {', '.join(missing)} (pip install 'edgechain[exports]')" * bool(missing)


@functools.cache
def no_dnsmasq() -> str:
    """Why a real DNS server cannot be started here; empty when it can."""
    if shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        return "a real DNS server needs Debian's dnsmasq-base"
    return "" if importlib.util.find_spec("dns") else "discovery by DNS needs dnspython"


@functools.cache
def no_namespaces() -> str:
    """Why network namespaces cannot be used here; empty when they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        made = subprocess.run(
            ["ip", "netns", "add", PROBE], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "network namespaces need ip (iproute2)"
    if made.returncode != 0:
        return f"network namespaces do not work here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", PROBE], check=True)
    return ""


@functools.cache
def no_fat() -> str:
    """Why a FAT file system cannot be made and mounted here; empty when it can."""
    if os.geteuid() != 0:
        return "mounting FAT needs root"
    if shutil.which("mkfs.vfat", path=SYSTEM_PATH) is None:
        return "FAT needs mkfs.vfat (dosfstools)"
    kinds = Path("/proc/filesystems").read_text(encoding="ascii").split()
    return "" if "vfat" in kinds else "this kernel knows no FAT (vfat)"


@functools.cache
def no_sshd() -> str:
    """Why a test cannot start an sshd of its own; empty when it can."""
    if os.geteuid() != 0:
        return "an sshd of the test's own needs root"
    if not Path("/usr/sbin/sshd").is_file():
        return "an sshd of the test's own needs Debian's openssh-server"
    return ""


def no_cloud_init() -> str:
    """Why cloud-init's own tools cannot be run here; empty when they can."""
    return "" if shutil.which("cloud-init") else "there is no cloud-init (Debian's)"


@functools.cache
def no_systemd() -> str:
    """Why systemd's tools cannot be used here; empty when they can."""
    needed = ("systemd-analyze", "systemctl")
    missing = [tool for tool in needed if shutil.which(tool) is None]
    return f"the package systemd is not installed (no {missing[0]})" if missing else ""


@functools.cache
def no_tflite() -> str:
    """Why tflite-runtime cannot be used here; empty when it can."""
    if importlib.util.find_spec("tflite_runtime") is not None:
        return ""
    version = ".".join(map(str, sys.version_info[:2]))
    return f"tflite-runtime is not installed (it has no wheel for Python {version})"


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        _absent(f"no test data at {folder.parent.name}/{folder.name} beside the repository")
    return folder


def _absent(reason: str) -> NoReturn:
    """Skip; in CI, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
