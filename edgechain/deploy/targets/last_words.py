"""What a process says on stderr: read all the time, and only the end is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

KEPT_BYTES = 4096
END_SECONDS = 2.0
"""The last words come at about the same time as the end of the answers."""


class Source(Protocol):
    """What asyncio's and asyncssh's readers have in common."""

    async def read(self, n: int = -1, /) -> bytes:
        """At most ``n`` bytes; none at the end."""


class LastWords:
    """Reads a process's stderr until it ends. ``close`` has to be awaited."""

    def __init__(self, source: Source):
        self._source = source
        self._tail: deque[int] = deque(maxlen=KEPT_BYTES)
        self._task = asyncio.create_task(self._read(), name="an agent's stderr")

    async def all(self) -> str:
        """What was said; waits a moment for what is still on its way."""
        await asyncio.wait({self._task}, timeout=END_SECONDS)
        return bytes(self._tail).decode("utf-8", "replace")

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        while data := await self._source.read(KEPT_BYTES):
            self._tail.extend(data)
