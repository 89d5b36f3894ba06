"""The pipe in memory keeps the promises of a gRPC stream."""

from __future__ import annotations

import asyncio

import pytest

from edgechain.transport.memory_pipe import memory_pipe


async def test_a_full_pipe_makes_its_writer_wait_until_a_frame_is_read() -> None:
    near, far = memory_pipe(capacity=2)
    writing = [asyncio.create_task(near.write(bytes([n]))) for n in range(3)]
    await asyncio.sleep(0)
    assert [task.done() for task in writing] == [True, True, False]
    assert [await far.read() for _ in range(3)] == [b"\0", b"\1", b"\2"]
    await asyncio.gather(*writing)


async def test_what_was_written_is_read_after_finish() -> None:
    near, far = memory_pipe()
    await near.write(b"last")
    await near.finish()
    assert [await far.read(), await far.read()] == [b"last", None]
    with pytest.raises(ConnectionError):
        await near.write(b"more")
    await far.write(b"the other way is still open")
    assert await near.read()


async def test_a_cut_wakes_everybody_and_loses_what_was_under_way() -> None:
    near, far = memory_pipe(capacity=1)
    await near.write(b"lost")
    writing, reading = (asyncio.create_task(near.write(b"!")), asyncio.create_task(near.read()))
    await asyncio.sleep(0)
    far.abort()
    assert await reading is None
    with pytest.raises(ConnectionError):
        await writing
    assert await far.read() is None


async def test_a_way_holds_frames_up_in_one_direction_and_keeps_their_order() -> None:
    healed = asyncio.Event()

    async def way(_frame: bytes) -> None:
        await healed.wait()

    near, far = memory_pipe(there=way)
    writing = [asyncio.create_task(near.write(bytes([n]))) for n in range(2)]
    await far.write(b"back")
    assert await near.read() == b"back"
    assert not any(task.done() for task in writing)
    healed.set()
    assert [await far.read() for _ in range(2)] == [b"\0", b"\1"]
    await asyncio.gather(*writing)
