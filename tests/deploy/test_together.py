"""Several things at once, each to its end, whoever fails or is in a hurry."""

from __future__ import annotations

import asyncio

import pytest

from edgechain.deploy.together import to_its_end, together
from edgechain.errors import FlashFailed


async def test_what_fails_is_raised_when_the_others_have_ended() -> None:
    ended: list[int] = []

    async def one(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        if number == 1:
            raise FlashFailed("the first")
        ended.append(number)
        return number

    assert await together(map(one, (3, 0, 2))) == [3, 0, 2]
    ended.clear()
    with pytest.raises(FlashFailed, match="the first"):
        await together(map(one, (5, 1, 3)))
    assert sorted(ended) == [3, 5]


async def test_what_has_begun_ends_before_it_is_cancelled() -> None:
    begun, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go.wait()
        ended.set()

    task = asyncio.create_task(to_its_end(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done(), "nor by somebody who insists"
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_what_fails_says_more_than_who_was_in_a_hurry() -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go.wait()
        raise FlashFailed("half of it")

    task = asyncio.create_task(to_its_end(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(FlashFailed, match="half of it"):
        await task
