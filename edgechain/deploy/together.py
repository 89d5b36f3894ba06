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
    """The same when it is cancelled meanwhile, however often: that comes afterwards.

    Raises what it raised, which says more than that somebody did not want to wait.
    """
    task, cancelled = asyncio.create_task(one), None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
