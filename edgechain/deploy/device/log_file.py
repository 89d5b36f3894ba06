"""A node's log where no journal keeps it: two files, the older of which goes at the next start.

Within one life of a node the file is as long as what it writes, some lines a day.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 4 << 20
"""A file that is larger is put aside at the next start; the one put aside before it goes."""

TAIL_BYTES = 256 << 10
"""Where the last lines are looked for."""


class LogFile:
    """``path`` and, beside it, the one before it."""

    def __init__(self, path: Path):
        self._path = path

    def open(self) -> int:
        """A descriptor to append to, of a file that is not full."""
        try:
            if self._path.stat().st_size > MAX_BYTES:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        except FileNotFoundError:
            pass
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def tail(self, lines: int) -> list[str]:
        """The last lines, those of the file before where this one is short."""
        found: list[str] = []
        for path in (self._path, self._path.with_name(f"{self._path.name}.1")):
            if len(found) < lines:
                found = _last_lines(path, lines - len(found)) + found
        return found

    def follow(self, lines: int) -> Iterator[str]:
        """The last lines, then every further one; across starts."""
        command = ("tail", "-n", str(lines), "-F", str(self._path))
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as tail:
            try:
                for line in tail.stdout or ():
                    yield line.decode(errors="replace").rstrip("\n")
            finally:
                tail.kill()


def _last_lines(path: Path, lines: int) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES)
    except FileNotFoundError:
        return []
    found = text.decode(errors="replace").splitlines()
    return found[-lines:] if lines else []
