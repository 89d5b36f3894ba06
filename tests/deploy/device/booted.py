"""Runs a program on a machine that systemd has booted: real units, real sandboxes, real cgroups."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest

from tests.watch.needs import ROOT, no_namespaces

SYSTEMD = Path("/lib/systemd/systemd")
SCRIPT = Path(__file__).with_name("boot_systemd.sh")
SPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net")
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

TARGET = """
[Unit]
Description=what this machine is for
DefaultDependencies=no
Wants=program.service
"""

PROGRAM = """
[Unit]
DefaultDependencies=no

[Service]
Type=oneshot
Environment=HOME=/ PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/repository:/opt/site
Environment=LD_LIBRARY_PATH=/opt/python/lib
WorkingDirectory=/opt/repository
ExecStart=/opt/python/bin/{python} -m {module}
StandardOutput=file:/shared/said
StandardError=file:/shared/said
"""


def run_booted(folder: Path, module: str, seconds: float, *words: str) -> dict[str, Any]:
    """Boot, run a module that writes /shared/answer.json there, and switch off; the answer.

    ``words`` are what the module is started with.
    """
    units = folder / "units"
    units.mkdir()
    (units / "machine.target").write_text(TARGET)
    (units / "program.service").write_text(
        PROGRAM.format(python=PYTHON, module=" ".join((module, *words)))
    )
    site = sysconfig.get_paths()["purelib"]
    script = ["sh", str(SCRIPT), str(folder), sys.base_prefix, site, str(ROOT)]
    answer, log = folder / "answer.json", folder / "boot.log"
    with log.open("wb") as said:
        machine = subprocess.Popen(
            ["unshare", *SPACES, "--fork", "--kill-child", *script], stdout=said, stderr=said
        )
    try:
        until = time.monotonic() + seconds
        while not answer.exists() and machine.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        if not answer.exists():
            pytest.fail(f"no answer: {log.read_text()} {_said(folder)}")
        return dict(json.loads(answer.read_text()))
    finally:
        switch_off(machine)


def switch_off(machine: subprocess.Popen[bytes]) -> None:
    """End PID 1 of the machine; everything there ends with it."""
    inside = Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text().split()
    subprocess.run(["kill", "-KILL", *inside], check=bool(inside))
    machine.wait(30)


def _said(folder: Path) -> str:
    said = folder / "said"
    return said.read_text() if said.exists() else "the program did not begin"


@functools.cache
def cannot_boot() -> str:
    """Why no machine can be booted here; empty when one can."""
    if not SYSTEMD.exists():
        return "systemd is not installed"
    if reason := no_namespaces():
        return reason
    script = (
        "mount --make-rprivate / && mount -t tmpfs t /mnt && cd /mnt && mkdir u w r && "
        "mount -t overlay o -o lowerdir=/,upperdir=u,workdir=w r && "
        "mount -t sysfs s r/sys && mount -t cgroup2 c r/sys/fs/cgroup && "
        "mkdir r/sys/fs/cgroup/edgechain-probe && rmdir r/sys/fs/cgroup/edgechain-probe && "
        "mount -t tmpfs d r/dev && mknod r/dev/x c 1 3"
    )
    tried = subprocess.run(
        ["unshare", *SPACES, "--fork", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no machine can be booted here: {tried.stderr.strip()}" if tried.returncode else ""
