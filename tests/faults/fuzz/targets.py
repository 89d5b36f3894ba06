"""What is fed: each target takes any bytes and raises only where a node or client would break.

A refusal is no break. What is counted as one is an exception that nobody expects, a frame that
nobody reads, a word that changes when it is passed on, a slot that does not come back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from edgechain.client.results import Collector
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import InvalidDocument, ProtocolError, Unauthorized
from edgechain.node.clients import ClientSessions
from edgechain.node.exchange import Exchange
from edgechain.runtime.clock import ManualClock
from edgechain.runtime.slots import Attempt
from edgechain.runtime.stage_queue import StageQueue
from edgechain.runtime.worker_wire import Ran, unpack_answer
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import parse
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Chunk, Control, Hello, Hop, Role, TensorSend, Welcome
from edgechain.transport.codec import decode_all, encode_control
from edgechain.transport.memory_pipe import MemoryPipe, memory_pipe
from edgechain.transport.secure import contradiction, noted
from edgechain.transport.stream import PeerStream
from tests.faults.fuzz.corpus import NAMESPACE, ROWS, asked, hello, members
from tests.faults.fuzz.packed_chunks import Packed
from tests.node.doubles import HERE, Inflow
from tests.node.reassembly_machine import MANIFEST, SLOTS, Memory

Decode = Callable[[bytes], Iterable[Chunk | Control]]

MOST_TURNS = 10_000
"""Turns of the loop until a frame that was written is read: a handful where nothing is wrong."""

FRAMES_A_STREAM = 200
SWEEP_SECONDS = 0.1


class Target(Protocol):
    """Something that takes bytes from outside."""

    def feed(self, data: bytes) -> bool:
        """Take an input; whether it was found good. Raises where something breaks."""

    def close(self) -> None:
        """Give back what is held. Raises where something is left."""


class _Plain:
    """A target without a life."""

    def close(self) -> None:
        """Nothing is held."""


class Frames(_Plain):
    """The decoder, and a client that puts results together from what it finds."""

    def __init__(self, decode: Decode = decode_all) -> None:
        self._decode = decode

    def feed(self, data: bytes) -> bool:
        try:
            for message in self._decode(data):
                self._judge(message)
        except ProtocolError:
            return False
        return True

    def _judge(self, message: Chunk | Control) -> None:
        if isinstance(message, Chunk):
            with suppress(ProtocolError):
                Collector(MANIFEST).add(message)
        elif list(decode_all(encode_control(message))) != [message]:
            raise AssertionError(f"{message} is another word when it is passed on")


class Workers(_Plain):
    """What a worker answered."""

    def feed(self, data: bytes) -> bool:
        try:
            return isinstance(unpack_answer(data), Ran)
        except ValueError:
            return False


class Txt(_Plain):
    """What somebody on the LAN announces."""

    def __init__(self) -> None:
        self._table = PeerTable(NAMESPACE)

    def feed(self, data: bytes) -> bool:
        lines = data.decode(errors="replace").split("\n")
        txt = {line.partition("=")[0]: line.partition("=")[2] for line in lines}
        hint = PeerHint.from_txt(txt, ("10.0.0.1:5050",))
        if hint is None:
            return False
        self._table.seen(hint)
        self._table.addresses(hint.name)
        return True


class Manifests(_Plain):
    """What somebody wrote into chain.yaml."""

    def feed(self, data: bytes) -> bool:
        try:
            parse(ChainManifest, data.decode(errors="replace"), file="chain.yaml")
        except InvalidDocument as error:
            if not str(error).isprintable():
                raise AssertionError(f"{error!r} cannot be printed") from error
            return False
        return True


class _Peers:
    """Other nodes that take everything at once."""

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        send.done(True)

    def forget(self, key: RequestKey) -> None:
        """Nothing waits."""


class _Actor:
    """A stage that runs at once and gives what it has to."""

    def __init__(self, name: str):
        self._name = name
        stage = MANIFEST.stage[name]
        self._queue = StageQueue([MANIFEST.tensor_index[n] for n in stage.inputs], SLOTS)
        specs = [MANIFEST.edges[MANIFEST.tensor_index[n]].tensor for n in stage.outputs]
        self._shapes = tuple(tuple(ROWS if s < 0 else s for s in spec.shape) for spec in specs)

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        self._queue.deliver(attempt, tensor)

    def forget(self, attempt: Attempt) -> None:
        self._queue.forget(attempt)

    def work(self, exchange: Exchange, now: float) -> None:
        """Run whatever is complete."""
        while (attempt := self._queue.take(now)) is not None:
            attempt.to_run.discard(self._name)
            exchange.report(attempt, self._name, Ran(1, self._shapes))


class Streams:
    """Frames to a node whose exchange is real: over a pipe, after a good greeting.

    A stream that is ended is followed by another one. Time passes, so that slots expire.
    """

    def __init__(self, role: Role) -> None:
        self._role = role
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._note)
        self._unasked = ""
        self._clock = ManualClock()
        self._actors = {name: _Actor(name) for name in MANIFEST.stage}
        self._clients = ClientSessions()
        self._exchange = Exchange(
            MANIFEST,
            HERE,
            SLOTS,
            actors=self._actors,
            memory=Memory(),
            peers=_Peers(),
            clients=self._clients,
            clock=self._clock,
        )
        self._clients.attach(self._exchange)
        self._end: MemoryPipe | None = None
        self._stream: PeerStream | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._frames = 0

    def feed(self, data: bytes) -> bool:
        return self._loop.run_until_complete(self._feed(data))

    def greet(self, greeting: Hello) -> None:
        """Begin a stream with this greeting, and end it."""
        self._loop.run_until_complete(self._greet(greeting))

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """What a task or a callback raised while nobody waited for it."""
        self._unasked = self._unasked or str(context.get("exception", context["message"]))

    async def _greet(self, greeting: Hello) -> None:
        self._begin(greeting)
        await asyncio.sleep(0)
        await self._finish()

    async def _feed(self, data: bytes) -> bool:
        if self._end is None or self._stream is None:
            self._begin(hello(self._role))
            await asyncio.sleep(0)
        is_open = await self._deliver(data)
        self._clock.advance(SWEEP_SECONDS)
        self._exchange.expire()
        if self._exchange.statistics().in_use > SLOTS:
            raise AssertionError("more attempts than slots")
        if self._unasked:
            raise AssertionError(f"nobody waited for {self._unasked}")
        self._frames += 1
        if not is_open or self._frames > FRAMES_A_STREAM:
            await self._finish()
        return is_open

    def _begin(self, greeting: Hello) -> None:
        near, self._end = memory_pipe()
        self._stream, self._frames = PeerStream(near, greeting.name, time.monotonic), 0
        served = self._serve(self._stream, greeting)
        self._tasks = [self._loop.create_task(served), self._loop.create_task(_drain(self._end))]

    async def _serve(self, stream: PeerStream, greeting: Hello) -> None:
        if greeting.role is Role.CLIENT:
            await self._clients.serve(stream, greeting)
        else:
            await stream.run(Inflow(self._exchange))

    async def _deliver(self, data: bytes) -> bool:
        """Have a frame read and worked on; whether the stream goes on."""
        if self._end is None or self._stream is None:
            raise AssertionError("no stream is open")
        serving = self._tasks[0]
        wanted = self._stream.statistics().received_bytes + len(data)
        with suppress(ConnectionError):
            await self._end.write(data)
        for _ in range(MOST_TURNS):
            await asyncio.sleep(0)
            for actor in self._actors.values():
                actor.work(self._exchange, self._clock.now())
            if serving.done() or self._stream.statistics().received_bytes >= wanted:
                break
        else:
            raise AssertionError("a frame was not read")
        await asyncio.sleep(0)
        return not serving.done()

    async def _finish(self) -> None:
        """End the stream; nothing of a client's work may be left."""
        if self._end is None:
            return
        await self._end.finish()
        end, self._end = self._end, None
        serving, draining = self._tasks
        await asyncio.wait((serving,), timeout=10)
        end.abort()
        await draining
        if not serving.done():
            raise AssertionError("a stream does not end")
        serving.result()
        if self._role is Role.NODE:
            self._clock.advance(2 * 3600)
            self._exchange.expire()
        if self._exchange.statistics().in_use or self._exchange.clients:
            raise AssertionError("a slot or a session is left when its stream is gone")

    def close(self) -> None:
        self._loop.run_until_complete(self._finish())
        self._loop.close()


async def _drain(end: MemoryPipe) -> None:
    while await end.read() is not None:
        pass


class Greetings:
    """Hello, which begins a stream; Welcome, of which a caller believes what it can prove."""

    def __init__(self) -> None:
        self._streams = Streams(Role.CLIENT)
        self._node, self._client = members()
        self._asked = asked()

    def feed(self, data: bytes) -> bool:
        try:
            (message,) = decode_all(data)
        except (ProtocolError, ValueError):
            return False
        if isinstance(message, Hello):
            contradiction(message, self._client.party)
            self._streams.greet(noted(message, self._client.party))
        return isinstance(message, Hello) or (
            isinstance(message, Welcome) and self._is_proved(message)
        )

    def _is_proved(self, welcome: Welcome) -> bool:
        try:
            return self._client.check_welcome(welcome, self._asked) == self._node.party
        except Unauthorized:
            return False

    def close(self) -> None:
        self._streams.close()


TARGETS: Mapping[str, Callable[[], Target]] = {
    "frames": Frames,
    "clients": lambda: Streams(Role.CLIENT),
    "nodes": lambda: Streams(Role.NODE),
    "packed": Packed,
    "greetings": Greetings,
    "workers": Workers,
    "txt": Txt,
    "manifests": Manifests,
}
