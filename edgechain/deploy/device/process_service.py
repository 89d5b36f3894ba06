"""The node as a process of its own, where nothing else starts services: containers, images."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from edgechain.deploy.device import place
from edgechain.deploy.device.health import Health
from edgechain.deploy.device.log_file import LogFile
from edgechain.deploy.device.process_record import ProcessRecord, has_ended, reap
from edgechain.deploy.device.ready_socket import ReadySocket

STOP_SECONDS = 20.0
"""A node drains for 5 s, says goodbye for 0.5 s, and gives its workers another 5 s."""

PREFIX = "edgechain node: "
"""What a node's last line begins with when it says why it does not start."""


class ProcessService:
    """Starts the node in a session of its own, so that it outlives the one that flashes.

    Nobody starts it again when it ends, or after a boot: what runs the container does that.
    """

    kind = "process"

    def __init__(self, root: Path):
        self._root = root
        self._record = root / "pid"
        self._log = LogFile(root / "log")

    def start(self, generation: Path, seconds: float) -> Health:
        """See ``Service.start``."""
        self.stop()
        if not place.is_current(self._root, generation):
            return Health(False, f"{generation.name} is not current; switch to it first")
        with ReadySocket() as ready:
            try:
                record = self._spawn(generation, ready.address)
            except OSError as error:
                return Health(False, f"{place.python(generation)}: {error.strerror}")
            record.write(self._record)
            return self._wait(record, ready, seconds)

    def _spawn(self, generation: Path, address: str) -> ProcessRecord:
        python = place.python(generation)
        words = [str(python), "-P", "-m", "edgechain.node", str(place.config(self._root))]
        log = self._log.open()
        try:
            pid = os.posix_spawn(
                python,
                words,
                {**os.environ, "NOTIFY_SOCKET": address},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE),
            )
        finally:
            os.close(log)
        return ProcessRecord.of(pid)

    def _wait(self, record: ProcessRecord, ready: ReadySocket, seconds: float) -> Health:
        handle = record.open()
        if handle is None:
            return self._ended(record)
        try:
            if ready.wait(record.pid, handle, seconds):
                return Health(True, ready.status)
            if has_ended(handle, 0):
                return self._ended(record)
        finally:
            os.close(handle)
        self.stop()
        said = f"; it said last: {ready.status}" if ready.status else ""
        return Health(False, f"the node was not ready after {seconds:.0f} s{said}")

    def _ended(self, record: ProcessRecord) -> Health:
        self._record.unlink(missing_ok=True)
        code = reap(record.pid)
        last = (self.journal(1) or [""])[0]
        if last.startswith(PREFIX):
            return Health(False, last.removeprefix(PREFIX))
        manner = "ended" if code is None else f"ended with status {code}"
        return Health(False, f"the node {manner}: {last}" if last else f"the node {manner}")

    def reload(self, generation: Path) -> Health:
        """See ``Service.reload``."""
        del generation
        record = ProcessRecord.read(self._record)
        if record is None or not record.tell(signal.SIGHUP):
            return Health(False, "no node runs here that could read it")
        return Health(True, "told to read its configuration again")

    def stop(self) -> None:
        """See ``Service.stop``."""
        if record := ProcessRecord.read(self._record):
            record.end(STOP_SECONDS)
        self._record.unlink(missing_ok=True)

    def journal(self, lines: int) -> list[str]:
        """See ``Service.journal``."""
        return self._log.tail(lines)

    def follow(self, lines: int) -> Iterator[str]:
        """See ``Service.follow``."""
        return self._log.follow(lines)
