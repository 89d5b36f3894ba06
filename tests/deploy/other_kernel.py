"""Tests that need FAT, in a kernel that knows it, where the one of this machine does not.

User-mode Linux (Debian's ``user-mode-linux``) is a kernel that runs as a process. Its disk is this
machine's; its first process is this file, which loads the modules, runs pytest, and halts.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

KERNEL = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")
WANTED = (
    *("fs/fat/fat", "fs/fat/vfat", "fs/nls/nls_cp437", "fs/nls/nls_ascii", "fs/nls/nls_iso8859-1"),
    *("fs/nls/nls_utf8", "drivers/block/loop"),
)
FINIT_MODULE = 313
"""The system call's number on x86-64."""

HALT = 0xCDEF0123
"""LINUX_REBOOT_CMD_HALT, reboot(2)."""


def no_other_kernel() -> str:
    """Why there is none; empty when there is."""
    if shutil.which(KERNEL) is None or not MODULES.is_dir():
        return "this kernel knows no FAT, and there is no user-mode-linux"
    return ""


def run_there(arguments: list[str], folder: Path, seconds: float) -> tuple[int | None, str]:
    """Run pytest with these arguments; its exit status, None without one, and what it said."""
    order, status, said = (folder / name for name in ("order.json", "status", "said"))
    orders = {"command": [sys.executable, "-m", "pytest", *arguments], "cwd": str(Path.cwd())}
    order.write_text(json.dumps(orders))
    init = folder / "init"
    here = Path(__file__).resolve()
    init.write_text(f"#!/bin/sh\nexec {sys.executable} {here} {order} {status} {said}\n")
    init.chmod(0o755)
    command = [KERNEL, "rootfstype=hostfs", "rootflags=/", "rw", "mem=512M", f"init={init}"]
    subprocess.run(
        [*command, "con=null", "con0=null,fd:2", "quiet"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    found = int(status.read_text()) if status.exists() else None
    return found, said.read_text(errors="replace") if said.exists() else ""


def _main(order: Path, status: Path, said: Path) -> None:
    """The first process of the other kernel."""
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    with said.open("w") as out:
        for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/dev/shm")):
            subprocess.run(["mount", "-t", kind, kind, place], stderr=out, check=False)
        libc = ctypes.CDLL(None, use_errno=True)
        for name in WANTED:
            path = MODULES / os.uname().release / "kernel" / f"{name}.ko"
            fileno = os.open(path, os.O_RDONLY)
            if libc.syscall(FINIT_MODULE, fileno, b"", 0):
                out.write(f"{name}: {os.strerror(ctypes.get_errno())}\n")
        orders = json.loads(order.read_text())
        done = subprocess.run(
            orders["command"], cwd=orders["cwd"], stdout=out, stderr=out, check=False
        )
    status.write_text(str(done.returncode))
    os.sync()
    libc.reboot(ctypes.c_int(HALT))


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:4]))
