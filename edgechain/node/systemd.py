"""What a node says to the service manager that started it: sd_notify(3), without its library.

A manager names a socket in ``NOTIFY_SOCKET``; words go there as datagrams of ``NAME=value`` lines.
``READY`` is said once the node listens and a self-test has passed, ``WATCHDOG`` by
``node.watchdog``. Nothing that goes wrong here ends a node, or holds it up.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping
from enum import StrEnum

from edgechain.spec.printable import one_line

_LOG = logging.getLogger(__name__)

SOCKET, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
SPOKEN_FOR = (SOCKET, WATCHDOG_USEC, WATCHDOG_PID)
"""Of one process: what it starts must not speak for it."""

STATUS_LENGTH = 500


class Standing(StrEnum):
    """What the manager has been told last of the node's life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class Notifier:
    """Tells a service manager, or nobody.

    What cannot be said now, because the manager is busy, is said with the next words.
    ``watchdog_seconds`` is the longest silence that the manager takes for life, 0 when any.
    """

    def __init__(self, address: str | None = None, watchdog_seconds: float = 0.0):
        self._target = _target(address) if address else None
        self.watchdog_seconds = watchdog_seconds if self._target else 0.0
        self.standing = Standing.STARTING
        self._owed: dict[str, str] = {}
        self._heard = True

    @classmethod
    def take_from(cls, environment: MutableMapping[str, str]) -> Notifier:
        """What the environment says; nothing of it stays there for the processes we start."""
        address, microseconds, pid = (environment.pop(name, "") for name in SPOKEN_FOR)
        ours = pid in ("", str(os.getpid()))
        known = microseconds.isascii() and microseconds.isdecimal()
        return cls(address or None, int(microseconds) / 1e6 if ours and known else 0.0)

    @property
    def is_managed(self) -> bool:
        """Whether a manager waits for our words."""
        return self._target is not None

    def ready(self, status: str) -> None:
        """The node can serve."""
        self.standing = Standing.READY
        self._say(READY="1", STATUS=status)

    def alive(self, status: str) -> None:
        """Feed the watchdog; nothing before the node is ready."""
        if self.standing is Standing.READY:
            self._say(WATCHDOG="1", STATUS=status)

    def troubled(self, status: str) -> None:
        """Say what is wrong; the watchdog gets nothing."""
        self._say(STATUS=status)

    def reloading(self) -> None:
        """The configuration is read again; ``reloaded`` says that it has been."""
        if self.standing is Standing.READY:
            self._say(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))

    def reloaded(self) -> None:
        """The end of ``reloading``."""
        if self.standing is Standing.READY:
            self._say(READY="1")

    def stopping(self) -> None:
        """The end has begun; may be called twice."""
        if self.standing is not Standing.STOPPING:
            self.standing = Standing.STOPPING
            self._say(STOPPING="1", STATUS="stopping: what has begun ends")

    def _say(self, **words: str) -> None:
        if self._target is None:
            return
        if "READY" in words:  # in one datagram with these it would be heard the wrong way round
            self._owed.pop("RELOADING", None)
            self._owed.pop("MONOTONIC_USEC", None)
        self._owed |= {name: _line(word) for name, word in words.items()}
        if self._send("\n".join(f"{name}={word}" for name, word in self._owed.items())):
            self._owed.clear()
        self._owed.pop("WATCHDOG", None)  # life is a matter of now

    def _send(self, text: str) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
                speaker.setblocking(False)
                speaker.sendto(text.encode(), self._target or b"")
        except OSError as error:
            if self._heard:
                _LOG.debug("the service manager does not hear us: %s", error.strerror or error)
            self._heard = False
            return False
        self._heard = True
        return True


def _target(address: str) -> bytes | None:
    """A path, or with @ in front a name without a file (unix(7), abstract)."""
    if address[0] not in "/@":
        _LOG.info("%s: no socket of this machine; the service manager is told nothing", address)
        return None
    raw = os.fsencode(address)
    return b"\0" + raw[1:] if raw.startswith(b"@") else raw


def _line(text: str) -> str:
    return one_line(text)[:STATUS_LENGTH]
