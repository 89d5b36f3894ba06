"""One established stream between two peers: frames out by one writer, frames in as they come.

The reader always drains. What is sent is queued and never waits for the other side; the queue
is bounded by the slots behind its tensors.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgechain.errors import ProtocolError
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import (
    Bye,
    Chunk,
    Control,
    RefusalKind,
    Refused,
    Released,
    TensorSend,
    Welcome,
)
from edgechain.transport.codec import decode_all, encode_chunk, encode_control, join

_LOG = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
"""Fastest of 64 KiB to 3.9 MB on a stream (DESIGN.md, section 5), and below gRPC's 4 MB guard."""

MAX_TOGETHER = 1024
"""Keys in one ``Released``: 70 kB, far below gRPC's guard."""

MAX_OWED = 4096
"""Control messages (and keys in them) that wait for a peer to listen. 64 slots with a failure and
a release each stay far below; a peer that goes on asking and does not read is left."""

ABORT_SECONDS = 1.0
"""How long a reader may take to see the end of a stream that can not be written to any more."""

SMALL_BYTES = 64 << 10
"""What is smaller is written together with what waits behind it: one gRPC message costs about
100 microseconds of processor on both sides together, whatever is in it (`make bench`, 1 kB)."""

Monotonic = Callable[[], float]


class Duplex(Protocol):
    """A frame-wise two-way pipe: a gRPC call, either side of it, or one in memory."""

    async def read(self) -> bytes | None:
        """The next frame, or ``None`` when the other side is done or gone."""

    async def write(self, frame: bytes) -> None:
        """Hand over one frame; waits while the pipe is full. Raises ``ConnectionError``."""

    async def finish(self) -> None:
        """Say that no more frames will be written."""

    def abort(self) -> None:
        """End the pipe at once, in both directions."""


class StreamHandler(Protocol):
    """Who is told what comes in. Called from the reader; must not block and must not raise."""

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """A piece of a tensor arrived; its data dies when this returns."""

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Anything else arrived."""


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """What waits to be written and what was."""

    queued: int
    sent_bytes: int
    received_bytes: int


class PeerStream:
    """Send and receive on a stream until it ends.

    ``send`` and ``send_tensor`` may be called at any time before the end; afterwards ``send``
    does nothing and ``send_tensor`` answers ``done(False)`` at once.
    """

    def __init__(self, duplex: Duplex, peer: str, now: Monotonic):
        self._duplex = duplex
        self.peer = peer
        self._now = now
        self._queue: deque[Control | TensorSend] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._owed = 0
        self._sent_bytes = self._received_bytes = 0

    def send(self, control: Control) -> None:
        """Queue a control message. ``Released`` in a row are merged."""
        if self._ended:
            return
        self._owed += _weight(control)
        last = self._queue[-1] if self._queue else None
        if (
            isinstance(control, Released)
            and isinstance(last, Released)
            and len(last.keys) < MAX_TOGETHER
        ):
            self._queue[-1] = Released(last.keys + control.keys)
        else:
            self._queue.append(control)
        self._wake.set()

    def send_tensor(self, send: TensorSend) -> None:
        """Queue a tensor; its ``done`` is called exactly once."""
        if self._ended:
            send.done(False)
            return
        self._queue.append(send)
        self._wake.set()

    def forget(self, key: RequestKey) -> None:
        """Give up on tensors of this attempt that wait to be written: ``done(False)``."""
        over = [item for item in self._queue if isinstance(item, TensorSend) and item.key == key]
        for item in over:
            self._queue.remove(item)
        for item in over:
            item.done(False)

    async def refuse(self, refused: Refused) -> None:
        """Answer a Hello with no; instead of ``run``."""
        try:
            await self._duplex.write(encode_control(refused))
        except ConnectionError:
            return

    async def run(self, handler: StreamHandler) -> Bye | None:
        """Carry frames until the end. Returns the peer's goodbye, or ``None`` if it was lost.

        Raises what the handler raises.
        """
        reader = asyncio.create_task(self._read_all(handler), name=f"reader of {self.peer}")
        writer = asyncio.create_task(self._write_all(), name=f"writer to {self.peer}")
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if not reader.done():  # the writer said goodbye, or can not go on
                await asyncio.wait((reader,), timeout=None if writer.result() else ABORT_SECONDS)
        finally:
            self._ended = True
            if any(isinstance(item, Bye | Refused) for item in self._queue):
                await asyncio.wait((writer,), timeout=1.0)
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            self._refuse_queued()
        return None if reader.cancelled() else reader.result()

    async def _read_all(self, handler: StreamHandler) -> Bye | None:
        while (frame := await self._duplex.read()) is not None:
            self._received_bytes += len(frame)
            try:
                goodbye = self._hear(frame, handler)
            except ProtocolError as error:
                _LOG.warning("%s: %s; the stream ends", self.peer, error)
                self.send(Refused(RefusalKind.MALFORMED, str(error)))
                return None
            if goodbye is not None:
                return goodbye
            if self._owed > MAX_OWED:
                _LOG.warning("%s asks and does not listen; the stream ends", self.peer)
                return None
        return None

    def _hear(self, frame: bytes, handler: StreamHandler) -> Bye | None:
        """Pass on what a frame says; the goodbye in it, if there is one."""
        for message in decode_all(frame):
            if isinstance(message, Bye):
                return message
            if isinstance(message, Chunk):
                handler.on_chunk(self, message)
            else:
                handler.on_control(self, message)
        return None

    async def _write_all(self) -> bool:
        """Write what is queued; true after a goodbye, false when the stream is of no use."""
        try:
            while True:
                while self._queue:
                    item = self._queue[0]
                    if isinstance(item, TensorSend) and not _is_small(item):
                        self._queue.popleft()
                        await self._write_tensor(item)
                    elif await self._write_together():
                        await self._duplex.finish()
                        return True
                self._wake.clear()
                await self._wake.wait()
        except ConnectionError as error:
            _LOG.debug("%s: %s", self.peer, error)
        except Exception:
            _LOG.exception("%s can not be written to; the stream ends", self.peer)
        self._duplex.abort()
        return False

    async def _write_together(self) -> bool:
        """Write the small items at the queue's head as one message; true after a goodbye."""
        sends: list[TensorSend] = []
        whole = False
        try:
            frames, over = self._take_small(sends)
            if frames:
                await self._write(join(frames))
            whole = True
        finally:
            for send in sends:
                send.done(whole)
        return over

    def _take_small(self, sends: list[TensorSend]) -> tuple[list[bytes], bool]:
        """Encode what can be written together; tensors are noted in ``sends`` first of all.

        Also says whether the last frame is a goodbye. A Welcome ends a message: it is awaited
        alone.
        """
        frames: list[bytes] = []
        size, item = 0, None
        while self._queue and _is_small(self._queue[0]) and (not frames or size < SMALL_BYTES):
            item = self._queue.popleft()
            if not isinstance(item, TensorSend):
                self._owed -= _weight(item)
                frames.append(encode_control(item))
            elif budget := item.deadline.budget(self._now()):
                sends.append(item)
                frames.append(encode_chunk(item, 0, SMALL_BYTES, budget))
            else:
                item.done(False)
                continue
            size += len(frames[-1])
            if isinstance(item, Welcome | Bye | Refused):
                break
        return frames, isinstance(item, Bye | Refused)

    async def _write_tensor(self, send: TensorSend) -> None:
        whole = False
        try:
            whole = await self._write_chunks(send)
        finally:
            send.done(whole)

    async def _write_chunks(self, send: TensorSend) -> bool:
        for offset in range(0, max(1, len(send.payload)), CHUNK_BYTES):
            budget = send.deadline.budget(self._now())
            if not budget:
                return False
            await self._write(encode_chunk(send, offset, CHUNK_BYTES, budget))
        return True

    async def _write(self, frame: bytes) -> None:
        await self._duplex.write(frame)
        self._sent_bytes += len(frame)

    def _refuse_queued(self) -> None:
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, TensorSend):
                item.done(False)

    def close(self, reason: str = "") -> None:
        """Say goodbye after what is queued; the stream ends when the peer has heard it."""
        self.send(Bye(reason))

    def abort(self) -> None:
        """End the stream at once."""
        self._duplex.abort()

    def statistics(self) -> StreamStatistics:
        """What waits and what was written."""
        return StreamStatistics(len(self._queue), self._sent_bytes, self._received_bytes)


def _is_small(item: Control | TensorSend) -> bool:
    return not isinstance(item, TensorSend) or len(item.payload) <= SMALL_BYTES


def _weight(control: Control) -> int:
    return len(control.keys) if isinstance(control, Released) else 1
