"""A stream over a pipe in memory: all arrives in order, and every tensor is answered once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from edgechain.spec.message import Beat, Bye, Cancel, Chunk, RefusalKind, Refused, Released
from edgechain.transport.codec import decode, decode_all, encode_chunk, encode_control, join
from edgechain.transport.memory_pipe import MemoryPipe, memory_pipe
from edgechain.transport.pulse import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES
from edgechain.transport.stream import PeerStream
from edgechain.transport.writer import PASSING_SECONDS
from tests.runtime.keys import freed, key
from tests.transport.ears import Done, Ears
from tests.transport.words import tensor

LARGE = random.Random(0).randbytes(2 * MIN_CHUNK_BYTES + 12_345)


class Pair:
    """Two streams face to face, and what each of them heard."""

    def __init__(self, capacity: int = 4) -> None:
        self.pipes: tuple[MemoryPipe, MemoryPipe] = memory_pipe(capacity)
        self.near, self.far = (PeerStream(pipe, "peer", time.monotonic) for pipe in self.pipes)
        self.near_ears, self.far_ears = Ears(), Ears()

    async def run(self) -> tuple[Bye | None, Bye | None]:
        """Carry until both ends have ended."""
        async with asyncio.timeout(60):
            near = asyncio.create_task(self.near.run(self.near_ears))
            far = asyncio.create_task(self.far.run(self.far_ears))
            await asyncio.wait((near, far), return_when=asyncio.FIRST_COMPLETED)
            # An end that returned is closed by whoever ran it, as a link does.
            for task, pipe in ((near, self.pipes[0]), (far, self.pipes[1])):
                if task.done():
                    await pipe.finish()
            return await near, await far


@dataclass
class Reader:
    """A peer that does nothing but read, and says how much it has read."""

    pipe: MemoryPipe
    received: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    """How many bytes of each attempt's tensors it has read."""

    async def hear(self) -> list[object]:
        """The next message; beats are nothing to talk about."""
        frame = await self.pipe.read() or b""
        self.received += len(frame)
        await self.pipe.write(encode_control(Beat(self.received)))
        heard: list[object] = [one for one in decode_all(frame) if not isinstance(one, Beat)]
        self.sizes.update(
            {one.key.sequence: len(one.data) for one in heard if isinstance(one, Chunk)}
        )
        return heard

    async def first(self, kind: type) -> list[object]:
        """What arrives up to the message with the first of this kind."""
        heard: list[object] = []
        while not any(isinstance(one, kind) for one in heard):
            heard += await self.hear()
        return heard


async def test_a_large_tensor_is_cut_into_chunks_and_arrives_whole() -> None:
    pair, done = Pair(), Done()
    pair.near.send_tensor(tensor(LARGE, done, key=key(0)))
    pair.near.close("that is all")
    assert await pair.run() == (None, Bye("that is all"))
    assert pair.far_ears.tensors == {(0, 0): LARGE}
    assert pair.far_ears.chunks == [
        (0, MIN_CHUNK_BYTES),
        (MIN_CHUNK_BYTES, MIN_CHUNK_BYTES),
        (2 * MIN_CHUNK_BYTES, 12_345),
    ]
    assert done.calls == [True]
    assert pair.near.statistics().sent_bytes == pair.far.statistics().received_bytes > len(LARGE)


async def test_an_empty_tensor_is_one_chunk() -> None:
    pair, done = Pair(), Done()
    pair.near.send_tensor(tensor(b"", done, key=key(0), shape=(0,)))
    pair.near.close()
    await pair.run()
    assert (pair.far_ears.chunks, done.calls) == ([(0, 0)], [True])


async def test_both_directions_at_once_keep_their_order() -> None:
    pair = Pair(capacity=1)
    dones = [Done() for _ in range(20)]
    for number, done in enumerate(dones):
        stream = pair.near if number % 2 else pair.far
        stream.send_tensor(tensor(LARGE[: number * 1000], done, key=key(number)))
        stream.send(Cancel(key(number)))
    pair.near.close()
    await pair.run()
    assert [c.key.sequence for c in pair.far_ears.controls if isinstance(c, Cancel)] == [
        *range(1, 20, 2)
    ]
    assert pair.far_ears.tensors == {(n, 0): LARGE[: n * 1000] for n in range(1, 20, 2)}
    assert all(len(done.calls) == 1 for done in dones)


async def test_freed_slots_are_said_together_with_what_is_said_anyway() -> None:
    pair = Pair()
    for number in (1, 2):
        pair.near.send(freed(key(number)))
    pair.near.send(Cancel(key(3)))
    pair.near.send(freed(key(4)))
    assert pair.near.statistics().queued == 4
    pair.near.close()
    await pair.run()
    assert pair.far_ears.controls == [Cancel(key(3)), freed(key(1), key(2), key(4))]


async def test_freed_slots_wait_for_company_but_not_for_long() -> None:
    near, pipe = memory_pipe()
    far, stream = Reader(pipe), PeerStream(near, "peer", time.monotonic)
    running = asyncio.create_task(stream.run(Ears()))
    start = time.monotonic()
    stream.send(freed(key(1)))
    await asyncio.sleep(0)
    stream.send(freed(key(2), seconds=3.0))
    said = [Released((key(1), key(2)), (0.01, 3.0))]
    assert await far.hear() == said, "before any beat, which would take them along"
    assert time.monotonic() - start > PASSING_SECONDS / 2
    stream.close()
    await pipe.finish()
    await running


async def test_a_tensor_whose_deadline_has_passed_is_not_sent() -> None:
    pair, late, fine = Pair(), Done(), Done()
    pair.near.send_tensor(tensor(b"late", late, key=key(0), deadline=time.monotonic()))
    pair.near.send_tensor(tensor(b"fine", fine, key=key(1)))
    pair.near.close()
    await pair.run()
    assert pair.far_ears.tensors == {(1, 0): b"fine"}
    assert (late.calls, fine.calls) == ([False], [True])


async def test_a_deadline_that_passes_between_two_chunks() -> None:
    clock = [0.0]
    near, far = memory_pipe(capacity=1)
    stream, done = PeerStream(near, "peer", lambda: clock[0]), Done()
    stream.send_tensor(tensor(LARGE, done, key=key(0), deadline=1.0))
    stream.close()
    running = asyncio.create_task(stream.run(Ears()))
    frames = [decode(await far.read() or b"")]
    clock[0] = 1.0  # the second chunk is on its way
    frames += [decode(frame) async for frame in _frames(far)]
    await far.finish()
    await running
    assert [getattr(frame, "offset", None) for frame in frames] == [0, MIN_CHUNK_BYTES, None]
    assert frames[-1] == Bye()
    assert done.calls == [False]


async def _frames(pipe: MemoryPipe) -> AsyncIterator[bytes]:
    while (frame := await pipe.read()) is not None:
        yield frame


async def test_a_pipe_that_is_cut_answers_every_tensor_once() -> None:
    near, far = memory_pipe(capacity=1)
    stream, dones = PeerStream(near, "peer", time.monotonic), [Done() for _ in range(3)]
    for number, done in enumerate(dones):
        stream.send_tensor(tensor(LARGE, done, key=key(number)))
    running = asyncio.create_task(stream.run(Ears()))
    assert await far.read()
    far.abort()
    assert await running is None, "a loss, not a goodbye"
    assert [done.calls for done in dones] == [[False]] * 3
    late = Done()
    stream.send_tensor(tensor(b"x", late, key=key(9)))
    stream.send(Bye())
    assert late.calls == [False]
    assert stream.statistics().queued == 0


async def test_a_stream_that_is_cancelled_answers_every_tensor_once() -> None:
    near, far = memory_pipe(capacity=1)
    stream, dones = PeerStream(near, "peer", time.monotonic), [Done() for _ in range(2)]
    for number, done in enumerate(dones):
        stream.send_tensor(tensor(LARGE, done, key=key(number)))
    running = asyncio.create_task(stream.run(Ears()))
    assert await far.read()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [done.calls for done in dones] == [[False]] * 2


async def test_abort_ends_it_at_once() -> None:
    pair = Pair()
    running = asyncio.create_task(pair.run())
    await asyncio.sleep(0)
    pair.near.abort()
    assert await running == (None, None)


@pytest.mark.parametrize(("count", "heard"), [(1, 1), (16, 16), (17, 16)])
async def test_packed_chunks_in_one_message_hold_no_more_than_one_chunk_may(
    count: int, heard: int
) -> None:
    """A message of two kilobytes must not keep a node busy with gigabytes."""
    near, far = memory_pipe()
    stream, ears = PeerStream(near, "peer", time.monotonic), Ears()
    size = MAX_CHUNK_BYTES // min(count, 16)
    zeros = bytes(size)
    frames = [
        encode_chunk(tensor(zeros, print, key=key(number), packed=True), 0, size, 1.0)
        for number in range(count)
    ]
    await far.write(join(frames))
    await far.write(encode_control(Bye("that is all")))
    goodbye = await asyncio.wait_for(stream.run(ears), 60)
    assert len(ears.chunks) == heard
    assert goodbye == (Bye("that is all") if heard == count else None)


async def test_small_tensors_that_pack_well_are_not_all_written_together() -> None:
    """Whoever receives them unpacks them all at once, and takes no more than a chunk may hold."""
    pair, zeros = Pair(), bytes(MIN_CHUNK_BYTES - 1)
    for number in range(200):
        pair.near.send_tensor(tensor(zeros, print, key=key(number), packed=True))
    pair.near.close("that is all")
    assert await pair.run() == (None, Bye("that is all"))
    assert len(pair.far_ears.chunks) == 200


async def test_a_broken_frame_is_refused_by_name_and_ends_the_stream() -> None:
    near, far = memory_pipe()
    stream = PeerStream(near, "peer", time.monotonic)
    await far.write(b"\x07nonsense")
    assert await asyncio.wait_for(stream.run(Ears()), 60) is None
    answer = decode(await far.read() or b"")
    assert isinstance(answer, Refused)
    assert answer.kind is RefusalKind.MALFORMED
    assert await far.read() is None


async def test_a_goodbye_is_not_told_to_the_handler() -> None:
    near, far = memory_pipe()
    ears = Ears()
    await far.write(encode_control(Bye("done")))
    assert await PeerStream(near, "peer", time.monotonic).run(ears) == Bye("done")
    assert ears.controls == []


async def test_control_overtakes_tensors_between_the_chunks_of_one_too() -> None:
    near, pipe = memory_pipe(capacity=1)
    far = Reader(pipe)
    stream, dones = PeerStream(near, "peer", time.monotonic), [Done(), Done()]
    for number, done in enumerate(dones):
        stream.send_tensor(tensor(LARGE, done, key=key(number)))
    running = asyncio.create_task(stream.run(Ears()))
    assert await far.hear()
    stream.send(Cancel(key(7)))
    stream.send(freed(key(8)))
    *chunks, cancel, released = await far.first(Cancel)
    assert (cancel, released) == (Cancel(key(7)), freed(key(8)))
    assert len(chunks) <= 2, "a full pipe holds one, the writer another"
    assert [done.calls for done in dones] == [[True], []], "the last piece of the first is in hand"
    stream.close()
    await far.first(Bye)
    assert far.sizes == {0: len(LARGE), 1: len(LARGE)}
    await pipe.finish()
    await running
    assert [done.calls for done in dones] == [[True], [True]]


class Noting:
    """A pipe that notes what is written, and breaks after so many events, if it is told to."""

    def __init__(self, pipe: MemoryPipe, breaks_at: int = -1) -> None:
        self._pipe = pipe
        self._breaks_at = breaks_at
        self.events: list[object] = []

    async def read(self) -> bytes | None:
        return await self._pipe.read()

    async def write(self, frame: bytes) -> None:
        chunks = [one for one in decode_all(frame) if isinstance(one, Chunk)]
        if len(self.events) == self._breaks_at:
            raise ConnectionError("broken")
        self.events += [one.offset + len(one.data) for one in chunks]
        await self._pipe.write(frame)

    async def finish(self) -> None:
        await self._pipe.finish()

    def abort(self) -> None:
        self._pipe.abort()


@pytest.mark.parametrize("payload", [b"", b"small", LARGE])
async def test_who_has_all_of_a_tensor_knows_that_its_sender_was_told(payload: bytes) -> None:
    """What a client concludes from a whole result rests on it."""
    near, pipe = memory_pipe(capacity=1)
    noting, far = Noting(near), Reader(pipe)
    stream = PeerStream(noting, "peer", time.monotonic)
    stream.send_tensor(tensor(payload, noting.events.append, key=key(0)))
    running = asyncio.create_task(stream.run(Ears()))
    while len(payload) not in noting.events:
        await far.hear()
    ends = range(MIN_CHUNK_BYTES, len(payload), MIN_CHUNK_BYTES)
    assert noting.events == [*ends, True, len(payload)]
    stream.close()
    await far.first(Bye)
    await pipe.finish()
    await running


@pytest.mark.parametrize("payload", [b"small", LARGE])
async def test_a_tensor_whose_last_bytes_were_in_hand_is_told_lost(payload: bytes) -> None:
    near, pipe = memory_pipe(capacity=1)
    noting, far = Noting(near, breaks_at=len(payload) // MIN_CHUNK_BYTES + 1), Reader(pipe)
    stream, lost = PeerStream(noting, "peer", time.monotonic), Done()
    send = tensor(payload, noting.events.append, key=key(0))
    send.lost = lambda: lost(False)
    stream.send_tensor(send)
    running = asyncio.create_task(stream.run(Ears()))
    for _ in range(len(payload) // MIN_CHUNK_BYTES):
        await far.hear()
    await pipe.finish()
    await running
    assert noting.events.count(True) == 1
    assert (noting.events.count(False), lost.calls) == (0, [False])


async def test_a_forgotten_attempt_is_not_written_on() -> None:
    near, pipe = memory_pipe(capacity=1)
    far, stream = Reader(pipe), PeerStream(near, "peer", time.monotonic)
    dones = [Done() for _ in range(4)]
    for number, done in enumerate(dones):
        stream.send_tensor(tensor(LARGE, done, key=key(number // 2), number=number))
    running = asyncio.create_task(stream.run(Ears()))
    assert await far.hear()
    stream.forget(key(0))
    assert [done.calls for done in dones] == [[], [False], [], []], "one is being written"
    stream.close()
    await far.first(Bye)
    assert far.sizes[0] <= 2 * MIN_CHUNK_BYTES < len(LARGE), "what was on its way"
    assert far.sizes[1] == 2 * len(LARGE)
    await pipe.finish()
    await running
    assert [done.calls for done in dones] == [[False], [False], [True], [True]]


async def test_nothing_is_written_after_a_goodbye() -> None:
    near, far = memory_pipe()
    stream, late = PeerStream(near, "peer", time.monotonic), Done()
    stream.close("enough")
    stream.send(Cancel(key(0)))
    stream.send_tensor(tensor(b"x", late, key=key(0)))
    assert late.calls == [False]
    await far.finish()
    await stream.run(Ears())
    assert [frame async for frame in _frames(far)] == [encode_control(Bye("enough"))]
