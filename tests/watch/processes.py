"""Which processes a test started, however far down, and how they end.

Every process inherits its starter's environment, also one that detached itself. A tag in the
environment therefore finds what a search among our children would miss; children are added
because a forked process that never calls ``exec`` shows its parent's first environment.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable
from multiprocessing import resource_tracker
from pathlib import Path

TAG = "EDGECHAIN_TEST"
"""The environment variable that says which test a process belongs to."""

PROC = Path("/proc")


def tagged(tag: str) -> set[int]:
    """Living processes whose environment says they belong to ``tag``, without our own two."""
    wanted = f"{TAG}={tag}".encode()
    found = {pid for pid in _every() if _belongs(pid, wanted)}  # few are: only they are looked into
    return {pid for pid in found if not _ended(str(pid))} - {os.getpid(), _tracker()}


def living() -> set[int]:
    """Every process that has not ended; one that waits to be reaped has."""
    return {pid for pid in _every() if not _ended(str(pid))}


def children() -> set[int]:
    """Living direct children of this process, without Python's own resource tracker."""
    found: set[int] = set()
    for thread in PROC.joinpath("self", "task").iterdir():
        with contextlib.suppress(OSError):
            found |= set(map(int, thread.joinpath("children").read_text().split()))
    return {pid for pid in found if not _ended(str(pid))} - {_tracker()}


def wait_for_end(pids: Iterable[int], within: float) -> set[int]:
    """Wait until all of ``pids`` ended or the time is over; those still there."""
    deadline = time.monotonic() + within
    return {pid for pid in pids if not _ends_before(pid, deadline)}


def kill(pids: Iterable[int]) -> None:
    """End processes for certain; those that are gone already are fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def command_of(pid: int) -> str:
    """What a process was started as, in one line."""
    with contextlib.suppress(OSError):
        words = PROC.joinpath(str(pid), "cmdline").read_bytes().split(b"\0")
        return b" ".join(words).decode(errors="replace").strip()
    return "gone"


def _ends_before(pid: int, deadline: float) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
    finally:
        os.close(handle)


def _every() -> set[int]:
    """The number of every process there is."""
    return {int(name) for name in os.listdir(PROC) if name.isdecimal()}  # noqa: PTH208 - quicker


def _belongs(pid: int, wanted: bytes) -> bool:
    """Every test asks this of every process of the machine: it has to be quick."""
    try:
        with open(f"{PROC}/{pid}/environ", "rb") as file:  # noqa: PTH123 - quicker
            said = file.read()
    except OSError:
        return False
    if wanted not in said:
        return False
    entries = said.split(b"\0")
    return any(entry == wanted or entry.startswith(wanted + b"/") for entry in entries)


def _ended(pid: str) -> bool:
    try:
        stat = PROC.joinpath(pid, "stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def _tracker() -> int | None:
    pid: int | None = getattr(resource_tracker, "_resource_tracker")._pid  # noqa: B009
    return pid
