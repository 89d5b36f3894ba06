"""The daemon's end of the socket pair to a worker: one question, one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from edgechain.runtime import worker_wire as wire

Answer = asyncio.Future[bytes | None]


class WorkerChannel(asyncio.Protocol):
    """Whole messages to and from a worker. ``on_end`` is called once, when it is closed.

    It closes when the worker hangs up, and when it says what no answer can be.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._transport: asyncio.WriteTransport | None = None
        self._unread = b""
        self._answer: Answer | None = None
        self.closed = False

    def ask(self, message: bytes) -> Answer:
        """Send a message; the answer is ``None`` when the channel closes instead."""
        answer: Answer = asyncio.get_running_loop().create_future()
        if self.closed or self._transport is None:
            answer.set_result(None)
        else:
            self._answer = answer
            self._transport.write(wire.LENGTH.pack(len(message)) + message)
        return answer

    def close(self) -> None:
        """Hang up; may be called twice."""
        if self.closed:
            return
        self.closed = True
        if self._transport is not None:
            self._transport.close()
        self._settle(None)
        self._on_end()

    def _settle(self, message: bytes | None) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has taken our end."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Some bytes of an answer, mostly all of it."""
        self._unread += data
        if len(self._unread) < wire.LENGTH.size:
            return
        (size,) = wire.LENGTH.unpack_from(self._unread)
        end = wire.LENGTH.size + size
        if size > wire.MAX_MESSAGE_BYTES or len(self._unread) > end or self._answer is None:
            self.close()
        elif len(self._unread) == end:
            message, self._unread = self._unread[wire.LENGTH.size :], b""
            self._settle(message)

    def connection_lost(self, error: Exception | None) -> None:
        """The worker has hung up, or we have."""
        del error
        self.close()
