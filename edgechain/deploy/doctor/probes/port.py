"""Who listens on a port, found in the kernel's tables."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

from edgechain.deploy.doctor.checks.port import PortFacts

LISTEN, UNBOUND = "0A", "07"
"""States of a TCP socket that listens, and of a UDP socket (proc(5))."""

STATE, LOCAL, INODE = 3, 1, 9
"""Columns of /proc/net/tcp."""

MAX_COMMAND = 120
"""Characters of a command that are shown."""

_PROBLEMS = {
    errno.EADDRINUSE: "taken",
    errno.EADDRNOTAVAIL: "address",
    errno.EACCES: "forbidden",
}


def look(host: str, port: int, name: str, *, is_installed: bool = False) -> PortFacts:
    """Try to listen there for a moment, as a node would."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen(1)
        except OSError as error:
            problem = _PROBLEMS.get(error.errno or 0, "address")
            holder = holder_of(port) if problem == "taken" else ""
            return PortFacts(host, port, name, problem, holder)
    return PortFacts(host, port, name, is_installed=is_installed)


def holder_of(port: int, protocol: str = "tcp", proc: Path = Path("/proc")) -> str:
    """Which process listens on a port: its command and id; empty where that cannot be seen."""
    inodes = _inodes(port, protocol, proc)
    for folder in proc.glob("[0-9]*"):
        with suppress(OSError):
            if any(_socket_of(link) in inodes for link in (folder / "fd").iterdir()):
                return f"{_command(folder)} (pid {folder.name})"
    return ""


def _inodes(port: int, protocol: str, proc: Path) -> set[str]:
    """The sockets on this port that somebody waits at."""
    wanted = LISTEN if protocol == "tcp" else UNBOUND
    found = set()
    for table in (protocol, f"{protocol}6"):
        with suppress(OSError):
            for line in (proc / "self" / "net" / table).read_text().splitlines()[1:]:
                row = line.split()
                if row[STATE] == wanted and int(row[LOCAL].rpartition(":")[2], 16) == port:
                    found.add(row[INODE])
    return found


def _socket_of(link: Path) -> str:
    with suppress(OSError):
        return os.readlink(link).removeprefix("socket:[").removesuffix("]")  # noqa: PTH115
    return ""


def _command(folder: Path) -> str:
    words = (folder / "cmdline").read_bytes().split(b"\0")
    text = b" ".join(words).decode(errors="replace").strip()
    return text[:MAX_COMMAND]
