"""A stream whose writer or handler fails, and a peer that asks without listening."""

from __future__ import annotations

import asyncio
import time

import pytest

from edgechain.errors import ProtocolError
from edgechain.spec.message import Bye, Cancel, Control, Released, Welcome
from edgechain.spec.tensor import MAX_RANK
from edgechain.transport.codec import decode, decode_all, encode_chunk, encode_control
from edgechain.transport.memory_pipe import memory_pipe
from edgechain.transport.outbox import MAX_OWED, MAX_TOGETHER
from edgechain.transport.stream import PeerStream
from tests.runtime.keys import GENERATION, freed, hop, key
from tests.transport.ears import Done, Ears
from tests.transport.words import tensor

WITHIN = 60.0


async def test_a_writer_that_fails_ends_the_stream() -> None:
    """Whatever cannot be encoded must not leave a stream that looks alive and says nothing."""
    near, _far = memory_pipe()
    stream, done, after = PeerStream(near, "peer", time.monotonic), Done(), Done()
    stream.send_tensor(tensor(b"x", done, key=key(0), deadline=float("inf")))
    stream.send_tensor(tensor(b"y", after, key=key(1)))
    assert await asyncio.wait_for(stream.run(Ears()), WITHIN) is None
    assert (done.calls, after.calls) == ([False], [False])


class Deaf:
    """A pipe that takes nothing, and whose reader does not notice when it is cut."""

    def __init__(self) -> None:
        self.aborted = False

    async def read(self) -> bytes | None:
        await asyncio.Event().wait()
        return None

    async def write(self, frame: bytes) -> None:
        raise ConnectionError("gone")

    async def finish(self) -> None:
        """Nothing to say."""

    def abort(self) -> None:
        self.aborted = True


async def test_a_write_that_fails_ends_the_stream_even_if_the_reader_does_not_see_it() -> None:
    pipe = Deaf()
    stream = PeerStream(pipe, "peer", time.monotonic)
    stream.send(Cancel(key(0)))
    assert await asyncio.wait_for(stream.run(Ears()), WITHIN) is None
    assert pipe.aborted


class Echo(Ears):
    """Answers every Cancel, as a node does."""

    def on_control(self, stream: PeerStream, control: Control) -> None:
        if isinstance(control, Cancel):
            stream.send(freed(control.key))


async def test_a_peer_that_asks_and_never_listens_is_left() -> None:
    near, far = memory_pipe()
    stream = PeerStream(near, "peer", time.monotonic)
    running = asyncio.create_task(stream.run(Echo()))
    running.add_done_callback(lambda _: near.abort())
    asked = 0
    with pytest.raises(ConnectionError):  # noqa: PT012 - the pipe is cut somewhere on the way
        while asked < 3 * MAX_OWED:
            await asyncio.wait_for(far.write(encode_control(Cancel(key(asked)))), WITHIN)
            asked += 1
    assert running.done()
    assert asked < 2 * MAX_OWED


async def test_freed_slots_are_said_in_frames_that_any_peer_takes() -> None:
    near, far = memory_pipe()
    stream = PeerStream(near, "peer", time.monotonic)
    for number in range(2 * MAX_TOGETHER + 1):
        stream.send(freed(key(number)))
    stream.close()
    running = asyncio.create_task(stream.run(Ears()))
    said: list[int] = []
    words: list[object] = []
    while not any(isinstance(word, Bye) for word in words):
        frame = await far.read() or b""
        assert len(frame) < 4 << 20
        words = list(decode_all(frame))
        said += [len(word.keys) for word in words if isinstance(word, Released)]
    await far.finish()
    await running
    assert said == [MAX_TOGETHER, MAX_TOGETHER, 1]


@pytest.mark.parametrize(("rank", "hops"), [(MAX_RANK + 1, 1), (1, 257)])
def test_lists_longer_than_any_chain_has_are_refused(rank: int, hops: int) -> None:
    fine = tensor(b"x", Done(), key=key(0), shape=(1,) * MAX_RANK, route=(hop("n"),) * 256)
    assert decode(encode_chunk(fine, 0, 1, 1.0))
    hostile = tensor(b"x", Done(), key=key(0), shape=(1,) * rank, route=(hop("n"),) * hops)
    with pytest.raises(ProtocolError):
        decode(encode_chunk(hostile, 0, 1, 1.0))


def test_a_welcome_with_more_stages_than_any_chain_has_is_refused() -> None:
    welcome = Welcome(hop("n"), "ns", "chain", GENERATION, ("s",) * 257)
    with pytest.raises(ProtocolError):
        decode(encode_control(welcome))
