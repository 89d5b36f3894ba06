"""One established stream between two peers: frames out by one writer, frames in as they come.

The reader always drains. What is sent is queued and never waits for the other side; the queue
is bounded by the slots behind its tensors. Control overtakes tensors, also between the chunks of
one. A peer that is silent, or that receives nothing, is as lost as one whose socket closes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgechain.errors import ProtocolError
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import (
    Beat,
    Bye,
    Chunk,
    Control,
    RefusalKind,
    Refused,
    TensorSend,
    Welcome,
)
from edgechain.transport.codec import decode_all, encode_chunk, encode_control, join
from edgechain.transport.outbox import Outbox
from edgechain.transport.pulse import Pulse

_LOG = logging.getLogger(__name__)

ABORT_SECONDS = 1.0
"""How long a reader may take to see the end of a stream that can not be written to any more."""

SMALL_BYTES = 64 << 10
"""What is smaller is written together with what waits behind it: one gRPC message costs about
100 microseconds of processor on both sides together, whatever is in it (`make bench`, 1 kB)."""

Monotonic = Callable[[], float]

_LAST_WORDS = Bye | Refused
_ALONE = Welcome | Bye | Refused


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

    ``send`` and ``send_tensor`` may be called at any time before the end, or before ``close``;
    afterwards ``send`` does nothing and ``send_tensor`` answers ``done(False)`` at once.
    """

    def __init__(self, duplex: Duplex, peer: str, now: Monotonic):
        self._duplex = duplex
        self.peer = peer
        self.reason = ""
        """Why the stream ended, if that was our judgement."""
        self._now = now
        self._outbox = Outbox()
        self._pulse = Pulse(now())
        self._beat_is_due = False
        self._promised: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._ended = False
        self._writing: TensorSend | None = None

    def send(self, control: Control) -> None:
        """Queue a control message. ``Released`` in a row are merged."""
        if not self._ended:
            self._outbox.add(control)
            self._wake.set()

    def send_tensor(self, send: TensorSend) -> None:
        """Queue a tensor; its ``done`` is called exactly once."""
        if self._ended or self._outbox.is_closing:
            send.done(False)
            return
        self._outbox.add_tensor(send)
        self._wake.set()

    def forget(self, key: RequestKey) -> None:
        """Give up this attempt's tensors: ``done(False)``.

        At once where they wait; the one that is being written stops after its current chunk.
        """
        if self._writing is not None and self._writing.key == key:
            self._writing = None
            self._wake.set()
        for send in self._outbox.take_attempt(key):
            send.done(False)

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
        pulse = asyncio.create_task(self._beat(), name=f"pulse of {self.peer}")
        tasks = (reader, writer, pulse)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writer.done():  # it said goodbye, or can not go on
                within = None if writer.result() else ABORT_SECONDS
                await asyncio.wait(
                    (reader, pulse), timeout=within, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            self._ended = True
            if self._outbox.has_last_word and not pulse.done():
                await asyncio.wait((writer,), timeout=1.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._promised is not None:
                self._promised.cancel()
            self._give_up_queued()
        return None if reader.cancelled() else reader.result()

    async def _beat(self) -> None:
        """Say twice a second that we live; return when the peer does not."""
        while not self._is_lost():
            await asyncio.sleep(self._pulse.pause(self._now()))
            if self._pulse.tick(self._now()):
                self._beat_soon()

    def _promise_beat(self, now: float) -> None:
        """What has arrived is acknowledged in time, also when nothing more comes."""
        after = self._pulse.owes_beat(now)
        if after is None or self._promised is not None:
            return
        if after:
            self._promised = asyncio.get_running_loop().call_later(after, self._beat_soon)
        else:
            self._beat_soon()

    def _beat_soon(self) -> None:
        if self._promised is not None:
            self._promised.cancel()
            self._promised = None
        self._beat_is_due = True
        self._wake.set()

    def _is_lost(self) -> bool:
        if not self.reason and (reason := self._pulse.verdict(self._now())):
            _LOG.info("%s is lost: %s", self.peer, reason)
            self.reason = reason
        return bool(self.reason)

    # In --------------------------------------------------------------------------------------

    async def _read_all(self, handler: StreamHandler) -> Bye | None:
        while (frame := await self._duplex.read()) is not None:
            now = self._now()
            self._pulse.heard(len(frame), now)
            self._promise_beat(now)
            try:
                goodbye = self._hear(frame, handler, now)
            except ProtocolError as error:
                _LOG.warning("%s: %s; the stream ends", self.peer, error)
                self.send(Refused(RefusalKind.MALFORMED, str(error)))
                return None
            if goodbye is not None or self._is_lost():
                return goodbye
            if self._outbox.is_overdue:
                _LOG.warning("%s asks and does not listen; the stream ends", self.peer)
                return None
        return None

    def _hear(self, frame: bytes, handler: StreamHandler, now: float) -> Bye | None:
        """Pass on what a frame says; the goodbye in it, if there is one."""
        for message in decode_all(frame):
            if isinstance(message, Bye):
                return message
            if isinstance(message, Beat):
                self._pulse.heard_beat(message.received, now)
                self._wake.set()
            elif isinstance(message, Chunk):
                self._pulse.heard_chunk(len(message.data), now, follows=message.offset > 0)
                handler.on_chunk(self, message)
            else:
                handler.on_control(self, message)
        return None

    # Out -------------------------------------------------------------------------------------

    async def _write_all(self) -> bool:
        """Write what is queued; true after a goodbye, false when the stream is of no use."""
        try:
            while not await self._write_next():
                pass
            await self._duplex.finish()
        except ConnectionError as error:
            _LOG.debug("%s: %s", self.peer, error)
        except Exception:
            _LOG.exception("%s can not be written to; the stream ends", self.peer)
        else:
            return True
        self._duplex.abort()
        return False

    async def _write_next(self) -> bool:
        """Write what is first in turn, or wait until there is something; true after the end."""
        wrote, last = await self._write_together()
        if wrote or self._has_words:
            return isinstance(last, _LAST_WORDS)
        if self._pulse.has_room and (send := self._outbox.take_tensor()) is not None:
            return await self._write_tensor(send)
        await self._wait_for_room_or_words()
        return False

    @property
    def _has_words(self) -> bool:
        return self._beat_is_due or self._outbox.has_control

    async def _wait_for_room_or_words(self) -> None:
        """Until there may be something to write; what is queued and acknowledged wakes us."""
        self._wake.clear()
        await self._wake.wait()

    async def _write_together(self) -> tuple[bool, Control | None]:
        """Write control and small tensors that wait as one message: whether, and what ended it.

        A Welcome ends a message: it is awaited alone, and nobody counts it.
        """
        sends: list[TensorSend] = []
        whole = False
        try:
            frames, last = self._take_small(sends)
            if frames:
                await self._write(join(frames))
            whole = True
        finally:
            for send in sends:
                send.done(whole)
        if isinstance(last, Welcome):
            self._pulse.greeted()
        return bool(frames), last

    async def _write_tensor(self, send: TensorSend) -> bool:
        whole = over = False
        self._writing = send
        try:
            whole, over = await self._write_chunks(send)
        finally:
            self._writing = None
            send.done(whole)
        return over

    async def _write_chunks(self, send: TensorSend) -> tuple[bool, bool]:
        """Whether all of it was written, and whether what came between ended the stream."""
        offset = 0
        while budget := send.deadline.budget(self._now()):
            if self._pulse.has_room:
                size = self._pulse.chunk_bytes
                await self._write(encode_chunk(send, offset, size, budget))
                offset += size
                if offset >= len(send.payload):
                    return True, False
            elif not self._has_words:
                await self._wait_for_room_or_words()
            frames, last = self._take_controls()
            if frames:
                await self._write(join(frames))
            if isinstance(last, _LAST_WORDS) or self._writing is not send:
                return False, isinstance(last, _LAST_WORDS)
        return False, False

    def _take_small(self, sends: list[TensorSend]) -> tuple[list[bytes], Control | None]:
        """Encode what can be written together; tensors are noted in ``sends`` first of all."""
        frames, last = self._take_controls()
        if isinstance(last, _ALONE):
            return frames, last
        size, most = sum(map(len, frames)), min(SMALL_BYTES, self._pulse.chunk_bytes)
        while (
            size < most
            and self._pulse.has_room
            and (send := self._outbox.take_tensor(most)) is not None
        ):
            if budget := send.deadline.budget(self._now()):
                sends.append(send)
                frames.append(encode_chunk(send, 0, most, budget))
                size += len(frames[-1])
            else:
                send.done(False)
        last = self._outbox.take_goodbye()
        return [*frames, encode_control(last)] if last else frames, last

    def _take_controls(self) -> tuple[list[bytes], Control | None]:
        """Encode control that waits, and a beat if one is due; also what has to end a message."""
        frames: list[bytes] = []
        size, control = 0, None
        while size <= SMALL_BYTES and (control := self._outbox.take_control()) is not None:
            frames.append(encode_control(control))
            size += len(frames[-1])
            if isinstance(control, _ALONE):
                return frames, control
        if self._beat_is_due:
            self._beat_is_due = False
            frames.append(encode_control(Beat(self._pulse.says_beat(self._now()))))
        return frames, None

    async def _write(self, frame: bytes) -> None:
        self._pulse.writes(len(frame), self._now())
        await self._duplex.write(frame)

    def _give_up_queued(self) -> None:
        while (send := self._outbox.take_tensor()) is not None:
            send.done(False)

    def close(self, reason: str = "") -> None:
        """Say goodbye after what is queued; the stream ends when the peer has heard it."""
        self.send(Bye(reason))

    def abort(self) -> None:
        """End the stream at once."""
        self._duplex.abort()

    def statistics(self) -> StreamStatistics:
        """What waits and what was written."""
        return StreamStatistics(len(self._outbox), self._pulse.sent, self._pulse.received)
