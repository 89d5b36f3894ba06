"""A live source: frames come when they come, and the newest counts."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from edgechain.client.sources import Clock, Frames

STILLS_RATE = 25.0
"""Pictures a second where a source has no speed of its own: PAL's, as for a video without one."""


class FrameSource(Protocol):
    """Where frames come from; ``client.sources`` has those for files."""

    def frames(self, clock: Clock) -> Frames:
        """Every frame once, in order."""


@dataclass(frozen=True, slots=True)
class LiveSource:
    """Plays a source at ``rate`` frames a second, as a camera in its place would.

    A frame that takes longer to read than it should comes late, and what was missed meanwhile is
    not made up for in a burst.
    """

    source: FrameSource
    rate: float = STILLS_RATE

    async def frames(self, clock: Clock) -> Frames:
        """Every frame once, in order, none before its time. Raises what the source does."""
        due = clock()
        async with aclosing(self.source.frames(clock)) as frames:
            async for frame in frames:
                await asyncio.sleep(max(0.0, due - clock()))
                yield frame
                due = max(due + 1 / self.rate, clock())


class NewestGate:
    """Lets a few in at a time; of those outside only the newest waits, the others are sent off."""

    def __init__(self, places: int):
        self._free = places
        self._waiting: asyncio.Future[bool] | None = None

    async def enter(self) -> bool:
        """Wait for a place; false when somebody newer came before there was one."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(False)
        self._waiting = None
        if self._free:
            self._free -= 1
            return True
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        return await waiting

    def leave(self) -> None:
        """A place is free again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)
        else:
            self._free += 1
        self._waiting = None
