"""Load on a chain, and the ledger of how every request of it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from edgechain.client.chain import Chain
from tests.faults.hash_chain import Answer, Array
from tests.faults.ledger import Ledger

NEVER_SECONDS = 5.0
"""After its deadline a request that has not ended is given up as lost."""

now = time.monotonic
"""The clock of the ledgers, and of the workers' runs."""


class Asked(Protocol):
    """A chain whose every answer is known."""

    def question(self, number: int) -> Array:
        """The input of a request."""

    def read(self, value: Array) -> Answer:
        """Take an answer apart."""


class Asker:
    """Asks one chain, one request at a time or many, and keeps the books."""

    def __init__(self, chain: Chain, made: Asked, ledger: Ledger, deadline: float):
        self._chain, self._made, self._deadline = chain, made, deadline
        self.ledger = ledger

    async def ask(self) -> None:
        """One request from its submission to its end, in the books."""
        number = self.ledger.submit(now(), self._deadline)
        asked = self._made.question(number)
        try:
            async with asyncio.timeout(self._deadline + NEVER_SECONDS):
                result = await self._chain.infer(asked, deadline=self._deadline)
        except TimeoutError:
            return  # it stays open in the books, and is lost
        except Exception as error:
            self.ledger.failed(number, now(), error)
        else:
            self.ledger.answered(number, now(), self._made.read(result["y"]))


class Load:
    """Load that runs until told to stop; ``stop`` waits for every request's end."""

    def __init__(self, asker: Asker):
        self._asker = asker
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def closed(self, in_flight: int) -> None:
        """So many requests are under way at any time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(self._keep_asking())

    async def _keep_asking(self) -> None:
        while not self._stopping.is_set():
            start = now()
            await self._asker.ask()
            if now() - start < 0.002:  # refused at once: ask no more often than anyone would
                await asyncio.sleep(0.002)

    async def open(self, rate: float) -> None:
        """So many requests a second, whether or not the ones before have ended."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with asyncio.TaskGroup() as group:
            while not self._stopping.is_set():
                group.create_task(self._asker.ask())
                due += 1 / rate
                await asyncio.sleep(due - loop.time())

    def stop(self) -> None:
        """Begin no more requests."""
        self._stopping.set()


@asynccontextmanager
async def loaded(
    asker: Asker, *, in_flight: int = 0, rate: float = 0.0
) -> AsyncIterator[Callable[[], float]]:
    """Load while the block runs; afterwards every request has ended or is lost.

    Yields how late our own loop was at most since it was asked last: what we measure is no truer
    than that.
    """
    load = Load(asker)
    lag = _Lag()
    beat = asyncio.create_task(lag.run(), name="lag")
    work = load.closed(in_flight) if in_flight else load.open(rate)
    task = asyncio.create_task(work, name="load")
    try:
        yield lag.take
    finally:
        load.stop()
        await task
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)
        asker.ledger.give_up()


async def answered(ledger: Ledger, more: int, within: float) -> bool:
    """Wait for so many more right answers; whether they came in time."""
    wanted, end = ledger.account().right + more, now() + within
    while ledger.account().right < wanted:
        if now() > end:
            return False
        await asyncio.sleep(0.005)
    return True


class _Lag:
    """How late our own loop runs."""

    STEP = 0.01

    def __init__(self) -> None:
        self._most = 0.0

    async def run(self) -> None:
        while True:
            due = now() + self.STEP
            await asyncio.sleep(self.STEP)
            self._most = max(self._most, now() - due)

    def take(self) -> float:
        most, self._most = self._most, 0.0
        return most
