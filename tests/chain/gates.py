"""A stage that a test can hold back and let go, through two named pipes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgechain.spec.chain import Stage
from tests.chain.chains import actor
from tests.chain.nodes import READY_SECONDS

STOPS_AT = 7_000


class HeldGate:
    """The test's side of one ``Gate`` actor, which stops at the value ``STOPS_AT``."""

    def __init__(self, folder: Path):
        self._paths = (folder / "entered", folder / "permits")
        for path in self._paths:
            os.mkfifo(path)
        # Open both ways: neither side ever waits for the other to open its end.
        self._entered, self._permits = (
            os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in self._paths
        )

    def stage(self, name: str, takes: str, gives: str, *, at_load: bool = False) -> Stage:
        entered, permits = map(str, self._paths)
        pipes = {"entered": entered, "permits": permits}
        return actor(name, "Gate", takes, gives, stops_at=STOPS_AT, at_load=at_load, **pipes)

    async def entered(self) -> None:
        """Wait until something stands in the gate."""
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(self._entered, arrived.set)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await arrived.wait()
        finally:
            loop.remove_reader(self._entered)
        os.read(self._entered, 1)

    def open(self, times: int = 1) -> None:
        """Let requests through, those that stand there and those that will."""
        os.write(self._permits, b"." * times)

    def close(self) -> None:
        """Let everything through that is still there, and end."""
        self.open(64)
        os.close(self._entered)
        os.close(self._permits)


@contextmanager
def gate(folder: Path) -> Iterator[HeldGate]:
    held = HeldGate(folder)
    try:
        yield held
    finally:
        held.close()
