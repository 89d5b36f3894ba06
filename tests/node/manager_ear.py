"""A service manager's end of the notify socket, that writes down what a node says."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Self

PATIENCE = 60.0
"""Seconds for what has to come; a machine that tests elsewhere too is slow."""


class ManagerEar:
    """Listens on a path, or without one on an abstract name."""

    def __init__(self, path: Path | None = None):
        self.address = str(path) if path else f"@edgechain-test-{os.urandom(8).hex()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address if path else "\0" + self.address[1:])

    def hear(self, seconds: float = PATIENCE) -> dict[str, str]:
        """The next words; raises ``TimeoutError`` when there are none in this time."""
        self._socket.settimeout(seconds)
        lines = self._socket.recv(8192).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def hear_of(self, name: str, seconds: float = PATIENCE) -> dict[str, str]:
        """The next words that say this, whatever comes before."""
        until = time.monotonic() + seconds
        while True:
            words = self.hear(max(0.001, until - time.monotonic()))
            if name in words:
                return words

    def hears_nothing_of(self, name: str, seconds: float) -> bool:
        """Whether that stays unsaid for so long."""
        try:
            self.hear_of(name, seconds)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
