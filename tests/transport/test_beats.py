"""Streams beat: one that says nothing, or receives nothing, is lost; one that is idle is not."""

from __future__ import annotations

import asyncio
import time

import pytest

from edgechain.spec.message import Beat, Cancel
from edgechain.transport import pulse
from edgechain.transport.codec import encode_control
from edgechain.transport.memory_pipe import memory_pipe
from edgechain.transport.stream import PeerStream
from tests.runtime.keys import key
from tests.transport.ears import Done, Ears
from tests.transport.words import tensor

WITHIN = 60.0


@pytest.fixture(autouse=True)
def tenfold_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything ten times as fast as on a network, but the patience with a busy machine."""
    for name in ("BEAT_SECONDS", "TICK_SECONDS", "SILENCE_SECONDS"):
        monkeypatch.setattr(pulse, name, getattr(pulse, name) / 10)


class Street:
    """A way that can be closed."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    async def go(self, _frame: bytes) -> None:
        await self.open.wait()


async def test_an_idle_stream_lives_and_a_cut_one_is_lost_at_both_ends() -> None:
    there, back = Street(), Street()
    pipes = memory_pipe(there=there.go, back=back.go)
    near, far = (PeerStream(pipe, "peer", time.monotonic) for pipe in pipes)
    ears = Ears(), Ears()
    tasks = [asyncio.create_task(one.run(ear)) for one, ear in zip((near, far), ears, strict=True)]
    done, _ = await asyncio.wait(tasks, timeout=10 * pulse.SILENCE_SECONDS)
    assert not done, (near.reason, far.reason)
    assert (ears[0].controls, ears[1].controls) == ([], []), "beats are nobody else's business"
    there.open.clear()
    back.open.clear()
    waiting, lost = Done(), Done()
    send = tensor(b"x", waiting, key=key(0))
    send.lost = lambda: lost(False)
    near.send_tensor(send)
    assert await asyncio.wait_for(asyncio.gather(*tasks), WITHIN) == [None, None]
    assert near.reason.startswith("silent for")
    assert far.reason.startswith("silent for")
    assert (waiting.calls, lost.calls) == ([True], [False]), "it was copied, and then in hand"


async def test_a_peer_that_beats_and_receives_nothing_is_lost() -> None:
    near, far = memory_pipe()
    stream = PeerStream(near, "peer", time.monotonic)
    running = asyncio.create_task(stream.run(Ears()))
    async with asyncio.timeout(WITHIN):
        while not running.done():
            await far.write(encode_control(Beat(0)))
            await asyncio.wait((running,), timeout=pulse.BEAT_SECONDS)
    assert await running is None
    assert stream.reason.startswith("receives nothing for")


async def test_what_a_slow_peer_acknowledges_keeps_the_stream_going() -> None:
    """More than the window holds passes, for each chunk is acknowledged as it arrives."""
    near, far = memory_pipe(capacity=1)
    streams = [PeerStream(pipe, "peer", time.monotonic) for pipe in (near, far)]
    done, ears = Done(), Ears()
    streams[0].send_tensor(tensor(bytes(10 * pulse.LEAST_WINDOW_BYTES), done, key=key(0)))
    streams[0].send(Cancel(key(1)))
    streams[0].close()
    running = asyncio.create_task(streams[0].run(Ears()))
    async with asyncio.timeout(WITHIN):
        await streams[1].run(ears)
        await far.finish()
        await running
    assert done.calls == [True]
    assert len(ears.tensors[0, 0]) == 10 * pulse.LEAST_WINDOW_BYTES
