"""The floor: a TCP socket, a length prefix, and memory that is read into directly.

Frame: 1 byte what to do, 1 byte slot, 4 bytes length (little endian), then the bytes. No gRPC,
no checks, no request that could end: what a wire may cost at least, not what one could use.
"""

from __future__ import annotations

import asyncio
import struct
from typing import cast

from tests.benchmarks.settings import IN_FLIGHT
from tests.benchmarks.wires.contender import HOST, Slots

PREFIX = struct.Struct("<BBI")
ECHO, PUSH, DONE = 0, 1, 2


class _Receiver(asyncio.BufferedProtocol):
    """Reads a prefix, then the bytes straight into the slot it names."""

    def __init__(self, slots: Slots):
        self._slots = slots
        self._prefix = bytearray(PREFIX.size)
        self._target = memoryview(self._prefix)
        self._what: tuple[int, int, int] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._target

    def buffer_updated(self, nbytes: int) -> None:
        self._target = self._target[nbytes:]
        if self._target:
            return
        if self._what is None:
            self._what = PREFIX.unpack(self._prefix)
            _, slot, size = self._what
            self._target = self._slots[slot][:size]
        if not self._target:
            what, slot, size = self._what
            self._what, self._target = None, memoryview(self._prefix)
            self.arrived(what, slot, size)

    def send(self, what: int, slot: int, data: memoryview) -> None:
        self.transport.writelines([PREFIX.pack(what, slot, len(data)), data])

    def arrived(self, what: int, slot: int, size: int) -> None:
        """A frame is whole."""
        raise NotImplementedError


class _Answering(_Receiver):
    def arrived(self, what: int, slot: int, size: int) -> None:
        data = self._slots[slot][: size if what == ECHO else 0]
        self.send(DONE, slot, data)


class _Asking(_Receiver):
    def __init__(self, slots: Slots):
        super().__init__(slots)
        self.waiting: list[asyncio.Future[None] | None] = [None] * IN_FLIGHT

    def arrived(self, what: int, slot: int, size: int) -> None:
        future, self.waiting[slot] = self.waiting[slot], None
        if future is not None:
            future.set_result(None)


class RawServer:
    """Listens and echoes."""

    def __init__(self, slots: Slots):
        self._slots = slots
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Answering(self._slots), HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()


class RawClient:
    """One connection, one tensor a slot under way."""

    def __init__(self, port: int, given: Slots, received: Slots):
        self._port = port
        self._given, self._received = given, received
        self._protocol: _Asking | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._protocol = await loop.create_connection(
            lambda: _Asking(self._received), HOST, self._port
        )

    async def close(self) -> None:
        if self._protocol is not None:
            self._protocol.transport.close()

    async def echo(self, slot: int, size: int) -> None:
        await self._send(ECHO, slot, size)

    async def push(self, slot: int, size: int) -> None:
        await self._send(PUSH, slot, size)

    async def _send(self, what: int, slot: int, size: int) -> None:
        if self._protocol is None:
            raise ConnectionError("open() comes first")
        future = self._protocol.waiting[slot] = asyncio.get_running_loop().create_future()
        self._protocol.send(what, slot, self._given[slot][:size])
        await future
