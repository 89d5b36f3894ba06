"""What becomes of the frames that come after a stream's end: gRPC never frees them unread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from edgechain.spec.message import Bye, Hello
from edgechain.transport import server
from edgechain.transport.codec import encode_control
from edgechain.transport.grpc_options import LINK
from edgechain.transport.secure import open_channel
from edgechain.transport.stream import PeerStream
from tests.transport.ports import opened
from tests.transport.test_link import HELLO

JUNK = b"\x0ajunk"


class Counted(server._ServerDuplex):
    """Counts the frames that were read, on all streams."""

    read_so_far = 0

    async def read(self) -> bytes | None:
        frame = await super().read()
        Counted.read_so_far += frame is not None
        return frame


async def _hang_up(stream: PeerStream, hello: Hello) -> None:
    """A node that has nothing to say to whoever calls."""


async def _say(address: str, frames: Sequence[bytes]) -> Any:
    """Say it all, end, and give the status of the call."""
    async with open_channel(address, None) as channel:
        call = channel.stream_stream(LINK)()
        try:
            for frame in frames:
                await call.write(frame)
            await call.done_writing()
        except asyncio.InvalidStateError:  # the other side has ended it
            pass
        return await call.code()


@pytest.mark.parametrize(
    ("first", "code"),
    [(encode_control(HELLO), grpc.StatusCode.OK), (JUNK, grpc.StatusCode.INVALID_ARGUMENT)],
    ids=["a greeting", "none"],
)
async def test_what_comes_after_the_end_is_read_and_thrown_away(
    first: bytes, code: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_ServerDuplex", Counted)
    monkeypatch.setattr(Counted, "read_so_far", 0)
    frames = [first, *[encode_control(Bye("late"))] * 20]
    async with opened(_hang_up) as address:
        assert await _say(address, frames) == code
        assert Counted.read_so_far == len(frames)


async def test_who_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "UNREAD_SECONDS", 0.05)
    async with opened(_hang_up) as address, open_channel(address, None) as channel:
        call = channel.stream_stream(LINK)()
        await call.write(encode_control(HELLO))
        assert await call.code() == grpc.StatusCode.OK
