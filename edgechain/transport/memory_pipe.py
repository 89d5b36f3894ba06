"""A pipe for frames inside one process: gRPC's sibling, for tests and for whoever has no network.

It carries what ``PeerStream`` writes, through the same wire code, and can be cut. Each direction
may be given a way: what a frame has to go through before the other end may read it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Way = Callable[[bytes], Awaitable[None]]
"""Awaited for every frame, one after the other: may take its time, wait for a network to heal, or
raise ``ConnectionError``."""

FRAMES = 4
"""gRPC takes about 4 MB before a write waits: four chunks."""


class _Lane:
    """One direction: at most ``capacity`` frames that were written and not yet read."""

    def __init__(self, capacity: int, way: Way | None):
        self._capacity = capacity
        self._way = way
        self._frames: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._finished = self._cut = False

    async def put(self, frame: bytes) -> None:
        if self._way is not None:
            await self._way(frame)
        while len(self._frames) >= self._capacity and not self._cut:
            await self._change()
        if self._cut or self._finished:
            raise ConnectionError("the pipe is gone")
        self._frames.append(frame)
        self._changed.set()

    async def take(self) -> bytes | None:
        while not (self._frames or self._finished or self._cut):
            await self._change()
        self._changed.set()
        return self._frames.popleft() if self._frames else None

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def finish(self) -> None:
        self._finished = True
        self._changed.set()

    def cut(self) -> None:
        """Lose what was not read; writers and readers wake up."""
        self._cut = True
        self._frames.clear()
        self._changed.set()


class MemoryPipe:
    """One end of a pipe (a ``Duplex``). Made in pairs by ``memory_pipe``."""

    def __init__(self, inward: _Lane, outward: _Lane):
        self._inward, self._outward = inward, outward

    async def read(self) -> bytes | None:
        """The next frame, or ``None`` when the other end is done or gone."""
        return await self._inward.take()

    async def write(self, frame: bytes) -> None:
        """Hand over a frame; waits while the pipe is full. Raises ``ConnectionError``."""
        await self._outward.put(frame)

    async def finish(self) -> None:
        """Say that no more frames will be written; what was written is still read."""
        self._outward.finish()

    def abort(self) -> None:
        """Cut the pipe in both directions; frames under way are lost."""
        self._inward.cut()
        self._outward.cut()


def memory_pipe(
    capacity: int = FRAMES, *, there: Way | None = None, back: Way | None = None
) -> tuple[MemoryPipe, MemoryPipe]:
    """Both ends of a new pipe; ``there`` is the way of what the first one writes."""
    there_lane, back_lane = _Lane(capacity, there), _Lane(capacity, back)
    return MemoryPipe(back_lane, there_lane), MemoryPipe(there_lane, back_lane)
