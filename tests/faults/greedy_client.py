"""A greedy client in a process of its own: so many requests under way, as told line by line.

    python -m tests.faults.greedy_client LAWLESS

``LAWLESS`` is 1 for one that pays no heed to how many slots were leased to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from contextlib import AsyncExitStack

import numpy as np
import uvloop
from numpy.typing import NDArray

import edgechain
from edgechain.client.chain import Chain
from edgechain.errors import RequestError
from tests.benchmarks.child import Answer, obey
from tests.faults import crippled

DEADLINE = 10.0


class Greed:
    """Keeps requests under way until told to leave."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._counts = {"answered": 0, "failed": 0}

    async def handle(self, command: Answer) -> Answer:
        """``ask`` a chain, or ``leave`` it and say what it came to."""
        if command["what"] == "ask":
            connection = edgechain.connect(**command["whereabouts"], timeout=60.0)
            chain = await self._stack.enter_async_context(connection)
            value = np.zeros(command["width"], np.uint8)
            asking = (self._keep_asking(chain, value) for _ in range(command["greed"]))
            self._tasks = list(map(asyncio.create_task, asking))
            return {}
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
        return self._counts

    async def _keep_asking(self, chain: Chain, value: NDArray[np.uint8]) -> None:
        while True:
            try:
                await chain.infer(value, deadline=DEADLINE)
                self._counts["answered"] += 1
            except RequestError:
                self._counts["failed"] += 1
                await asyncio.sleep(0.01)


async def main(lawless: bool) -> None:
    """Obey until the input ends."""
    with crippled.without_leases() if lawless else contextlib.nullcontext():
        await obey({"lawless": lawless}, Greed().handle)


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    uvloop.run(main(sys.argv[1] == "1"))
