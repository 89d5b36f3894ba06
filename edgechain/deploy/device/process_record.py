"""Which process is the node: a file that outlives us, and cannot be about a stranger."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process: its id, when it started in the kernel's ticks, and since which boot that counts.

    Ids are given again to others; all three together are not.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessRecord:
        """A process that was just started and is ours to wait for."""
        return cls(pid, _started(pid), _boot())

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """The record in a file; ``None`` where there is none that makes sense."""
        try:
            pid, started, boot = path.read_text(encoding="ascii").split()
            return cls(int(pid), int(started), boot)
        except (OSError, ValueError):
            return None

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        draft = path.with_name(f".{path.name}")
        draft.write_text(f"{self.pid} {self.started} {self.boot}\n", encoding="ascii")
        draft.replace(path)

    def open(self) -> int | None:
        """A pidfd of this very process, to be closed; ``None`` when it has ended."""
        try:
            handle = os.pidfd_open(self.pid)
        except (OSError, OverflowError):
            return None
        if self.started and self.boot == _boot() and self.started == _started(self.pid):
            return handle
        os.close(handle)
        return None

    def tell(self, number: signal.Signals) -> bool:
        """Send it a signal; false when it has ended."""
        handle = self.open()
        if handle is None:
            return False
        try:
            _signal(handle, number)
        finally:
            os.close(handle)
        return True

    def end(self, patience: float) -> None:
        """Ask it to end, and after ``patience`` seconds do not ask; returns when it is gone."""
        handle = self.open()
        if handle is None:
            return
        try:
            _signal(handle, signal.SIGTERM)
            if not has_ended(handle, patience):
                _signal(handle, signal.SIGKILL)
                has_ended(handle, None)
        finally:
            os.close(handle)
        reap(self.pid)


def has_ended(handle: int, seconds: float | None) -> bool:
    """Wait for the end of a process; whether it came in this time."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def reap(pid: int) -> int | None:
    """A child's exit status, negative for a signal, if it is a child of ours that has ended."""
    with suppress(ChildProcessError):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
    return None


def _signal(handle: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _started(pid: int) -> int:
    """When a live process started; 0 when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
