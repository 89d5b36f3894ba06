"""Network sockets this process holds, told apart by inode."""

from __future__ import annotations

import contextlib
from pathlib import Path

TABLES = ("tcp", "tcp6", "udp", "udp6")
LOCAL, STATE, INODE = 1, 3, 9
"""Columns of /proc/net/tcp and udp, see proc(5)."""


def held() -> dict[str, str]:
    """Inode to protocol, local address and state (in the kernel's own hexadecimal spelling)."""
    mine = _inodes()
    if not mine:
        return {}
    rows = {row[INODE]: f"{table} {row[LOCAL]} {row[STATE]}" for table, row in _rows()}
    return {inode: rows[inode] for inode in mine & rows.keys()}


def _inodes() -> set[str]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    return found


def _rows() -> list[tuple[str, list[str]]]:
    found = []
    for table in TABLES:
        with contextlib.suppress(OSError):
            lines = Path("/proc/self/net", table).read_text().splitlines()[1:]
            found += [(table, line.split()) for line in lines]
    return found
