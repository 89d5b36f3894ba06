"""Who writes to a stream: what is queued, in its turn, no more than the link carries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Beat, Bye, Control, Refused, Released, TensorSend, Welcome
from edgechain.transport.codec import encode_chunk, encode_control, join
from edgechain.transport.outbox import Outbox
from edgechain.transport.pulse import Pulse

SMALL_BYTES = 64 << 10
"""What is smaller is written together with what waits behind it: one gRPC message costs about
100 microseconds of processor on both sides together, whatever is in it (`make bench`, 1 kB)."""

PASSING_SECONDS = 0.1
"""What is said in passing waits so long at most for something that it may go with: a client needs
it where there is no result, and a message of its own for each costs more than the slot does."""

_LAST_WORDS = Bye | Refused
_ALONE = Welcome | Bye | Refused


class StreamWriter:
    """Empties an outbox into a stream.

    ``write`` hands over one frame and waits while the stream is full; what it raises ends ``run``.
    Every tensor's ``done`` is called exactly once, after ``give_up`` at the latest, and then
    ``lost`` where nobody knows whether the peer has it.
    """

    def __init__(
        self, write: Callable[[bytes], Awaitable[None]], pulse: Pulse, now: Callable[[], float]
    ):
        self._hand_over = write
        self._pulse = pulse
        self._now = now
        self.outbox = Outbox()
        self._beat_is_due = False
        self._promised: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._writing: TensorSend | None = None
        self._unheard: deque[tuple[int, TensorSend]] = deque()
        """Tensors that were written and of which the peer has not said that they arrived; with
        the number of bytes that it has received then."""

    def add(self, control: Control) -> None:
        """Queue a control message; ``Released`` goes with the next one, which is soon."""
        if isinstance(control, Released):
            self.outbox.note(control)
            self.beat_within(PASSING_SECONDS)
        else:
            self.outbox.add(control)
            self._wake.set()

    def add_tensor(self, send: TensorSend) -> None:
        """Queue a tensor."""
        self.outbox.add_tensor(send)
        self._wake.set()

    def forget(self, key: RequestKey) -> None:
        """Give up this attempt's tensors; the one under way stops after its current chunk."""
        if self._writing is not None and self._writing.key == key:
            self._writing = None
            self._wake.set()
        for send in self.outbox.take_attempt(key):
            send.done(False)

    def beat(self) -> None:
        """Say with the next message that we live, and what has arrived."""
        self._break_promise()
        self._beat_is_due = True
        self._wake.set()

    def beat_within(self, seconds: float) -> None:
        """The same a little later at the latest."""
        if seconds <= 0:
            self.beat()
        elif self._promised is None:
            self._promised = asyncio.get_running_loop().call_later(seconds, self.beat)

    def look_again(self) -> None:
        """The peer has acknowledged something: there may be room."""
        while self._unheard and self._unheard[0][0] <= self._pulse.acknowledged:
            self._unheard.popleft()
        self._wake.set()

    def give_up(self) -> None:
        """The stream has ended: nothing of what waits will be written, nor perhaps arrive."""
        self._break_promise()
        while self._unheard:
            self._unheard.popleft()[1].lost()
        while (send := self.outbox.take_tensor()) is not None:
            send.done(False)

    def _break_promise(self) -> None:
        if self._promised is not None:
            self._promised.cancel()
            self._promised = None

    async def run(self) -> None:
        """Write until the last word is written."""
        while not await self._write_next():
            pass

    async def _write_next(self) -> bool:
        """Write what is first in turn, or wait until there is something; true after the end."""
        wrote, last = await self._write_together()
        if wrote or self._has_words:
            return isinstance(last, _LAST_WORDS)
        if self._pulse.has_room and (send := self.outbox.take_tensor()) is not None:
            return await self._write_tensor(send)
        await self._wait_for_room_or_words()
        return False

    @property
    def _has_words(self) -> bool:
        return self._beat_is_due or self.outbox.has_control

    async def _wait_for_room_or_words(self) -> None:
        self._wake.clear()
        await self._wake.wait()

    async def _write_together(self) -> tuple[bool, Control | None]:
        """Write control and small tensors that wait as one message: whether, and what ended it.

        A Welcome ends a message: it is awaited alone, and nobody counts it.
        """
        sends: list[TensorSend] = []
        try:
            frames, last = self._take_small(sends)
        except BaseException:
            for send in sends:
                send.done(False)
            raise
        if frames:
            await self._write_last(join(frames), sends)
        if isinstance(last, Welcome):
            self._pulse.greeted()
        return bool(frames), last

    async def _write_last(self, frame: bytes, sends: Sequence[TensorSend]) -> None:
        """Write what tensors end with: their senders hear of it before anybody can receive it."""
        for send in sends:
            send.done(True)
        try:
            await self._write(frame)
        except BaseException:
            for send in sends:
                send.lost()
            raise
        self._unheard.extend((self._pulse.sent, send) for send in sends)

    async def _write_tensor(self, send: TensorSend) -> bool:
        ending, over = None, False
        self._writing = send
        try:
            ending, over = await self._write_chunks(send)
        finally:
            self._writing = None
            if ending is None:
                send.done(False)
        if ending is not None:
            await self._write_last(ending, (send,))
        return over

    async def _write_chunks(self, send: TensorSend) -> tuple[bytes | None, bool]:
        """Write all but its last chunk; that one, or ``None`` and whether the stream is over."""
        offset = 0
        while budget := send.deadline.budget(self._now()):
            if self._pulse.has_room:
                size = self._pulse.chunk_bytes
                chunk = encode_chunk(send, offset, size, budget)
                offset += size
                if offset >= len(send.payload):
                    return chunk, False
                await self._write(chunk)
            elif not self._has_words:
                await self._wait_for_room_or_words()
            frames, last = self._take_controls()
            if frames:
                await self._write(join(frames))
            if isinstance(last, _LAST_WORDS) or self._writing is not send:
                return None, isinstance(last, _LAST_WORDS)
        return None, False

    def _take_small(self, sends: list[TensorSend]) -> tuple[list[bytes], Control | None]:
        """Encode what can be written together; tensors are noted in ``sends`` first of all."""
        frames, last = self._take_controls()
        if isinstance(last, _ALONE):
            return frames, last
        size, most = sum(map(len, frames)), min(SMALL_BYTES, self._pulse.chunk_bytes)
        while (
            size < most
            and self._pulse.has_room
            and (send := self.outbox.take_tensor(most)) is not None
        ):
            if budget := send.deadline.budget(self._now()):
                sends.append(send)
                frames.append(encode_chunk(send, 0, most, budget))
                size += max(len(frames[-1]), len(send.payload))  # all of it is to be unpacked
            else:
                send.done(False)
        last = self.outbox.take_goodbye()
        return [*frames, encode_control(last)] if last else frames, last

    def _take_controls(self) -> tuple[list[bytes], Control | None]:
        """Encode control that waits, and a beat if one is due; also what has to end a message."""
        frames: list[bytes] = []
        size, control = 0, None
        if self._has_words:
            self.outbox.mention()
        while size <= SMALL_BYTES and (control := self.outbox.take_control()) is not None:
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
        await self._hand_over(frame)
