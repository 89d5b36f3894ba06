"""The product's own hop: ``Link``, ``NodeServer`` and ``PeerStream``, chunks and control.

As between two nodes, without the stages: chunks are copied into a slot, an echo is sent from
that slot, and a tensor that stays is answered with a word that names it and that nothing holds
back (``Cancel``; a ``Released`` waits for others). ``crippled`` is the control that must lose: the
same code with absurdly small chunks.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from edgechain.spec.deadline import Deadline
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import ClientId, Generation, Incarnation, RequestKey, new_client_id
from edgechain.spec.message import (
    Cancel,
    Chunk,
    Control,
    Hello,
    Hop,
    Role,
    TensorSend,
    Welcome,
)
from edgechain.transport import pulse, writer
from edgechain.transport.link import Link
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream
from tests.benchmarks.settings import IN_FLIGHT
from tests.benchmarks.wires.contender import HOST, Slots

ECHO, PUSH = 0, 1
"""Tensor numbers: one comes back, the other stays."""

GENERATION = Generation("0" * 64)
HERE = Hop("server", Incarnation(1))
BUDGET_SECONDS = 60.0

CRIPPLED_CHUNKS = 1024
CRIPPLED_BYTES = 64
"""The control cuts a tensor into 1,024 chunks, or into chunks of 64 bytes if it is small."""


def cripple(size: int) -> None:
    """From now on this process sends a tensor of ``size`` bytes in absurdly small chunks."""
    pulse.MAX_CHUNK_BYTES = max(CRIPPLED_BYTES, size // CRIPPLED_CHUNKS)
    writer.SMALL_BYTES = 0


def _nothing(_whole: bool) -> None:
    """What a sender does when a tensor was handed over: here, nothing."""


class OurServer:
    """A node's port and streams; what comes in is echoed or acknowledged."""

    def __init__(
        self, slots: Slots, *, crippled: bool = False, security: LinkSecurity | None = None
    ):
        self._slots = slots
        self._crippled = crippled
        self._security = security
        self._server = NodeServer(
            self._accept,
            status=lambda: "{}",
            manifest=lambda: "",
            now=time.monotonic,
            security=security,
        )

    async def start(self) -> int:
        return await self._server.start(HOST, 0)

    async def stop(self) -> None:
        await self._server.stop()

    async def _accept(self, stream: PeerStream, hello: Hello) -> None:
        welcome = Welcome(HERE, hello.namespace, hello.chain, GENERATION, ("echo",))
        stream.send(self._security.sign_welcome(welcome, hello) if self._security else welcome)
        await stream.run(self)

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        slot = self._slots[chunk.key.sequence]
        end = chunk.offset + len(chunk.data)
        slot[chunk.offset : end] = chunk.data
        if end < chunk.total:
            return
        if chunk.tensor == PUSH:
            stream.send(Cancel(chunk.key))
            return
        if self._crippled:
            cripple(chunk.total)
        deadline = Deadline.after(time.monotonic(), chunk.budget)
        payload = slot[: chunk.total]
        stream.send_tensor(
            TensorSend(chunk.key, ECHO, (chunk.total,), (HERE,), deadline, payload, _nothing)
        )

    def on_control(self, stream: PeerStream, control: Control) -> None:
        del stream, control


class OurClient:
    """A link to it."""

    def __init__(
        self,
        port: int,
        given: Slots,
        received: Slots,
        *,
        crippled: bool = False,
        security: LinkSecurity | None = None,
    ):
        self._given, self._received = given, received
        self._crippled = crippled
        self._client: ClientId = new_client_id()
        hello = Hello(Role.NODE, "client", "bench", "bench", GENERATION)
        address = (f"{HOST}:{port}",)
        self._link = Link(address, hello, self, time.monotonic, security=security)
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._stream: PeerStream | None = None
        self._session = secrets.randbits(63)
        self._turn = 0
        self._waiting: dict[RequestKey, asyncio.Future[None]] = {}
        self._slot: dict[RequestKey, int] = {}

    async def open(self) -> None:
        self._task = asyncio.create_task(self._link.run())
        await self._up.wait()

    async def close(self) -> None:
        self._link.close("measured")
        if self._task is not None:
            await self._task

    async def echo(self, slot: int, size: int) -> None:
        await self._send(ECHO, slot, size)

    async def push(self, slot: int, size: int) -> None:
        await self._send(PUSH, slot, size)

    async def _send(self, tensor: int, slot: int, size: int) -> None:
        if self._stream is None:
            raise ConnectionError("open() comes first")
        if self._crippled:
            cripple(size)
        self._turn += IN_FLIGHT
        key = RequestKey(GENERATION, self._client, self._session, self._turn + slot, 1)
        future = asyncio.get_running_loop().create_future()
        self._waiting[key], self._slot[key] = future, slot
        deadline = Deadline.after(time.monotonic(), BUDGET_SECONDS)
        payload = self._given[slot][:size]
        self._stream.send_tensor(
            TensorSend(key, tensor, (size,), (HERE,), deadline, payload, _nothing)
        )
        await future

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        self._stream = stream
        self._up.set()

    def on_down(self, link: Link, reason: str) -> None:
        self._stream = None
        for future in self._waiting.values():
            future.set_exception(ConnectionError(reason))

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        end = chunk.offset + len(chunk.data)
        self._received[self._slot[chunk.key]][chunk.offset : end] = chunk.data
        if end == chunk.total:
            self._finish(chunk.key)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        if isinstance(control, Cancel):
            self._finish(control.key)

    def _finish(self, key: RequestKey) -> None:
        del self._slot[key]
        self._waiting.pop(key).set_result(None)
