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
)
from edgechain.transport.codec import decode_all, encode_control
from edgechain.transport.packing import claimed
from edgechain.transport.pulse import MAX_CHUNK_BYTES, Pulse
from edgechain.transport.writer import StreamWriter

_LOG = logging.getLogger(__name__)

ABORT_SECONDS = 1.0
"""How long a reader may take to see the end of a stream that can not be written to any more."""

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
    """What waits to be written and what was; ``round_trip`` in seconds, where it is known."""

    queued: int
    sent_bytes: int
    received_bytes: int
    round_trip: float | None


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
        self._pulse = Pulse(now())
        self._writer = StreamWriter(duplex.write, self._pulse, now)
        self._ended = False

    def send(self, control: Control) -> None:
        """Queue a control message. ``Released`` waits a moment, and goes with others."""
        if not self._ended:
            self._writer.add(control)

    def send_tensor(self, send: TensorSend) -> None:
        """Queue a tensor; its ``done`` is called exactly once."""
        if self._ended or self._writer.outbox.is_closing:
            send.done(False)
        else:
            self._writer.add_tensor(send)

    def forget(self, key: RequestKey) -> None:
        """Give up this attempt's tensors: ``done(False)``.

        At once where they wait; the one that is being written stops after its current chunk.
        """
        self._writer.forget(key)

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
            try:
                if self._writer.outbox.has_last_word and not pulse.done():
                    await asyncio.wait((writer,), timeout=1.0)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._writer.give_up()
        return None if reader.cancelled() else reader.result()

    async def _beat(self) -> None:
        """Say twice a second that we live; return when the peer does not."""
        while not self._is_lost():
            await asyncio.sleep(self._pulse.pause(self._now()))
            if self._pulse.tick(self._now()):
                self._writer.beat()

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
            if (after := self._pulse.owes_beat(now)) is not None:
                self._writer.beat_within(after)
            try:
                goodbye = self._hear(frame, handler, now)
            except ProtocolError as error:
                _LOG.warning("%s: %s; the stream ends", self.peer, error)
                self.send(Refused(RefusalKind.MALFORMED, str(error)))
                return None
            if goodbye is not None or self._is_lost():
                return goodbye
            if self._writer.outbox.is_overdue:
                _LOG.warning("%s asks and does not listen; the stream ends", self.peer)
                return None
        return None

    def _hear(self, frame: bytes, handler: StreamHandler, now: float) -> Bye | None:
        """Pass on what a frame says; the goodbye in it, if there is one.

        Raises ``ProtocolError``, also where chunks that are joined in it hold more than one may:
        each is unpacked before anything else happens here.
        """
        room = MAX_CHUNK_BYTES
        for message in decode_all(frame):
            if isinstance(message, Bye):
                return message
            if isinstance(message, Beat):
                self._pulse.heard_beat(message.received, now)
                self._writer.look_again()
            elif isinstance(message, Chunk):
                room -= claimed(message.data) if message.packed else 0
                if room < 0:
                    raise ProtocolError(f"chunks in one message hold over {MAX_CHUNK_BYTES} bytes")
                self._pulse.heard_chunk(len(message.data), now, follows=message.offset > 0)
                handler.on_chunk(self, message)
            else:
                handler.on_control(self, message)
        return None

    # Out -------------------------------------------------------------------------------------

    async def _write_all(self) -> bool:
        """Write what is queued; true after a goodbye, false when the stream is of no use."""
        try:
            await self._writer.run()
            await self._duplex.finish()
        except ConnectionError as error:
            _LOG.debug("%s: %s", self.peer, error)
        except Exception:
            _LOG.exception("%s can not be written to; the stream ends", self.peer)
        else:
            return True
        self._duplex.abort()
        return False

    def close(self, reason: str = "") -> None:
        """Say goodbye after what is queued; the stream ends when the peer has heard it."""
        self.send(Bye(reason))

    def abort(self) -> None:
        """End the stream at once."""
        self._duplex.abort()

    def statistics(self) -> StreamStatistics:
        """What waits and what was written."""
        queued = len(self._writer.outbox)
        pulse = self._pulse
        return StreamStatistics(queued, pulse.sent, pulse.received, pulse.round_trip)
