"""The same for several devices at the same time, each to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Found = TypeVar("Found")


async def together(each: Iterable[Coroutine[Any, Any, Found]]) -> list[Found]:
    """What they return, in their order. Raises what the first of them raised, when all have ended.

    A conversation that is left in the middle of a sentence cannot be gone on with.
    """
    found = await asyncio.gather(*each, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [one for one in found if not isinstance(one, BaseException)]


async def to_its_end(one: Coroutine[Any, Any, None]) -> None:
    """The same when it is cancelled meanwhile: that comes afterwards."""
    task = asyncio.create_task(one)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
