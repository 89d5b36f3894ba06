"""A node that measures nothing and says so convincingly, and orders for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from edgechain.errors import NotMeasured
from edgechain.spec.profiling import Finished, ProfileOrder, Working

MODEL = bytes(range(256)) * 10_000
"""2.56 MB: three pieces."""


def order(content: bytes = MODEL, **words: Any) -> ProfileOrder:
    """An order for this model."""
    sha256 = hashlib.sha256(content).hexdigest()
    return ProfileOrder(**{"model": "m.tflite", "size": len(content), "sha256": sha256} | words)


@dataclass
class Scales:
    """Notes what it is given. With ``refuses`` it says no at once, ``holds`` it never ends."""

    name: str = "pi-a"
    refuses: NotMeasured | None = None
    holds: bool = False
    says: str = '{"weight": 1}'
    does: str = "weighing"
    orders: list[ProfileOrder] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def begin(self, order: ProfileOrder) -> AsyncIterator[Scales]:
        self.orders.append(order)
        if self.refuses is not None:
            raise self.refuses
        try:
            yield self
        finally:
            self.ended.set()

    async def take(self, piece: bytes) -> None:
        self.pieces.append(piece)

    async def measure(self, tell: Callable[[Working], Awaitable[None]]) -> Finished:
        await tell(Working(self.does, 1, 2))
        self.began.set()
        if self.holds:
            await asyncio.get_running_loop().create_future()
        return Finished(self.says)
