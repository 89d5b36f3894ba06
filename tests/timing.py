"""What takes no time, told from what waits, on a machine that does much else besides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

TRIES = 10
STEP = 0.01


async def quickest(act: Callable[[], Awaitable[object]], within: float) -> float:
    """Seconds that something takes, the best of some tries; no more tries than are needed.

    A busy machine makes anything slow now and then. Whoever waits for a timer is slow every time.
    """
    best = float("inf")
    for _ in range(TRIES):
        start = time.monotonic()
        await act()
        best = min(best, time.monotonic() - start)
        if best < within:
            break
    return best


@asynccontextmanager
async def lateness() -> AsyncIterator[Callable[[], float]]:
    """How late this loop was at most, in seconds, since the block began."""
    most = 0.0

    async def beat() -> None:
        nonlocal most
        while True:
            due = time.monotonic() + STEP
            await asyncio.sleep(STEP)
            most = max(most, time.monotonic() - due)

    beating = asyncio.create_task(beat(), name="lateness")
    try:
        yield lambda: most
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
