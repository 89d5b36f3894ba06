"""The other end of sd_notify(3): hears from a node that it is ready."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from typing import Self

_CREDENTIALS = struct.Struct("3i")
"""unix(7), struct ucred: process, user, group."""

MAX_BYTES = 4096


class ReadySocket:
    """A socket for one start of one node; ``address`` is what goes into ``NOTIFY_SOCKET``.

    It has no file that could be left behind, so anybody on this machine may send to it: what does
    not come from the node's own process is not heard, and the kernel says from whom it comes.
    """

    def __init__(self) -> None:
        name = f"edgechain-{os.getpid()}-{os.urandom(8).hex()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.setblocking(False)
        self._socket.bind(b"\0" + name.encode())
        self.address = f"@{name}"
        self.status = ""
        """What the node said last of how it is."""

    def wait(self, pid: int, ended: int, seconds: float) -> bool:
        """Whether the node says so before it ends (``ended`` is its pidfd) and in this time."""
        until = time.monotonic() + seconds
        poll = select.poll()
        for fileno in (self._socket.fileno(), ended):
            poll.register(fileno, select.POLLIN)
        while (left := until - time.monotonic()) > 0:
            happened = dict(poll.poll(left * 1000))
            if self._socket.fileno() in happened and self._hear(pid):
                return True
            if ended in happened and self._socket.fileno() not in happened:
                return False
        return False

    def _hear(self, pid: int) -> bool:
        """Take one datagram; whether it says that the node is ready."""
        size = socket.CMSG_SPACE(_CREDENTIALS.size)
        text, ancillary, _, _ = self._socket.recvmsg(MAX_BYTES, size)
        senders = [
            _CREDENTIALS.unpack(data)[0]
            for level, kind, data in ancillary
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
        ]
        if senders != [pid]:
            return False
        lines = text.decode(errors="replace").split("\n")
        words = dict(line.partition("=")[::2] for line in lines)
        self.status = words.get("STATUS", self.status)
        return words.get("READY") == "1"

    def close(self) -> None:
        """Hear nothing any more."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
