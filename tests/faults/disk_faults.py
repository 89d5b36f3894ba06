"""Lets one call to the disk fail in another process and its children; ``disk_faults.c`` does it."""

from __future__ import annotations

import functools
import os
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
PLAN = struct.Struct("=qqq488s")


def compiler() -> str | None:
    """The C compiler, or None."""
    return shutil.which("cc") or shutil.which("gcc")


@functools.cache
def _library() -> tempfile.TemporaryDirectory[str]:
    """Compiled once for this process; removed when it ends."""
    folder = tempfile.TemporaryDirectory(prefix="edgechain-disk-faults-")
    out = Path(folder.name) / "faults.so"
    command = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(out), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@dataclass(frozen=True, slots=True)
class DiskFault:
    """Call number ``at`` under ``folder`` fails with ``error``; with 0, all are counted only.

    ``plan`` is a file of its own for every run.
    """

    plan: Path
    folder: Path
    at: int = 0
    error: int = 0

    def environment(self) -> dict[str, str]:
        """What the process that is to fail gets."""
        self.plan.write_bytes(PLAN.pack(0, self.at, self.error, b""))
        return {
            "LD_PRELOAD": str(Path(_library().name) / "faults.so"),
            "EDGECHAIN_FAULTS": str(self.plan),
            "EDGECHAIN_FAULTS_UNDER": os.path.realpath(self.folder),
        }

    @property
    def count(self) -> int:
        """How many calls there were."""
        return int(PLAN.unpack(self.plan.read_bytes())[0])

    @property
    def failed(self) -> str:
        """The call that failed, and where; empty when none did."""
        return bytes(PLAN.unpack(self.plan.read_bytes())[3]).rstrip(b"\0").decode()
