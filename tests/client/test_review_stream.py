"""A stream of a live source: what is answered comes out before the next frame comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.client.chain import Chain, _Asked
from edgechain.client.results import Result
from tests.client.doubles import Bench


class Echo(Chain):
    """A chain that answers at once."""

    def __init__(self) -> None:
        super().__init__("echo", Bench().asked)

    def _ask(self, frame: Any, deadline: float, window: int, index: int) -> _Asked:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        future.set_result(Result(index, 0.0, {"y": frame}))
        return _Asked(future, None)


class Source:
    """One frame, and then no more for a long time; knows how it was left."""

    def __init__(self) -> None:
        self.closed = False

    async def frames(self) -> AsyncIterator[NDArray[Any]]:
        try:
            yield np.zeros(1)
            await asyncio.Event().wait()
        finally:
            self.closed = True


async def test_a_result_does_not_wait_for_the_next_frame() -> None:
    source = Source()
    found = Echo().stream(source.frames())
    first = await asyncio.wait_for(anext(found), 60)
    assert first.index == 0
    await found.aclose()  # type: ignore[attr-defined]
    assert source.closed


async def test_a_source_that_fails_ends_the_stream() -> None:
    async def frames() -> AsyncIterator[NDArray[Any]]:
        yield np.zeros(1)
        raise OSError("the camera is gone")

    found = Echo().stream(frames())
    with pytest.raises(OSError, match="the camera is gone"):
        _ = [result async for result in found]


async def test_no_frames_at_all() -> None:
    assert [result async for result in Echo().stream([])] == []
