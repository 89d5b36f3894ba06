"""Only one may flash a device at a time: ``ROOT/lock``, free again whenever its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.refusal import Busy, one_line

MOST = 200
"""Bytes of the note that says who."""


class Lock:
    """The lock, held until ``release`` or the end of this process."""

    def __init__(self, path: Path, who: str):
        """Take it. Raises ``Busy``: who has it, and since when."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fileno = os.open(path, flags, disk.PUBLIC)
        try:
            fcntl.flock(self._fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = one_line(os.pread(self._fileno, MOST, 0).decode(errors="replace"))
            self.release()
            raise Busy(f"this device is being flashed by {holder or 'somebody'}") from None
        with suppress(OSError):  # a note for people; the lock holds without it
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
            disk.overwrite(self._fileno, f"{one_line(who, 100)} since {since}\n".encode())

    def release(self) -> None:
        """Let others flash; may be called again."""
        if self._fileno >= 0:
            os.close(self._fileno)
        self._fileno = -1
