"""What every contender of the hop comparison does, and how it is measured.

All of them receive into memory like a node's slots and send from it: a transfer is over when
the bytes lie in the receiver's slot.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Protocol

from edgechain.runtime.arena import Arena
from tests.benchmarks.settings import IN_FLIGHT, SIZES

SLOT_BYTES = max(SIZES.values())
HOST = "127.0.0.1"


class Server(Protocol):
    """The answering side."""

    async def start(self) -> int:
        """Listen on any free port of ``HOST`` and return its number."""

    async def stop(self) -> None:
        """Close the port."""


class Client(Protocol):
    """The asking side."""

    async def open(self) -> None:
        """Connect."""

    async def echo(self, slot: int, size: int) -> None:
        """``size`` bytes of a slot there and back, into the same slot of ``received``."""

    async def push(self, slot: int, size: int) -> None:
        """``size`` bytes of a slot there; returns when the other side says they lie there."""

    async def close(self) -> None:
        """Hang up."""


class Slots:
    """Shared memory as a node has it: ``IN_FLIGHT`` slots of one tensor each."""

    def __init__(self) -> None:
        self._arena = Arena.create(SLOT_BYTES * IN_FLIGHT)

    def __getitem__(self, slot: int) -> memoryview:
        start = slot % IN_FLIGHT * SLOT_BYTES
        return self._arena.view[start : start + SLOT_BYTES]

    def fill(self) -> None:
        """Write a pattern that shows bytes which went missing or came twice."""
        pattern = bytes(range(251)) * (SLOT_BYTES // 251 + 1)
        for slot in range(IN_FLIGHT):
            self[slot][:] = pattern[slot : slot + SLOT_BYTES]

    def clear(self, slot: int) -> None:
        """Forget what a slot holds."""
        self[slot][:] = bytes(SLOT_BYTES)

    def close(self) -> None:
        """Give the memory back."""
        self._arena.close()


class NotEqual(Exception):
    """A contender lost or mixed bytes; its speed means nothing."""


async def check(client: Client, given: Slots, received: Slots, size: int) -> None:
    """One echo whose bytes are compared. Raises ``NotEqual``."""
    received.clear(0)
    await client.echo(0, size)
    if received[0][:size] != given[0][:size]:
        raise NotEqual(f"{size} bytes did not come back as they were sent")


async def round_trips(client: Client, size: int, count: int) -> list[float]:
    """Seconds of ``count`` echoes, one at a time."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        await client.echo(0, size)
        seconds.append(time.perf_counter() - start)
    return seconds


async def stream(client: Client, size: int, count: int) -> float:
    """Seconds for ``count`` tensors one way, ``IN_FLIGHT`` of them under way at a time."""
    waiting = iter(range(count))
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for slot in range(IN_FLIGHT):
            group.create_task(_lane(client, slot, size, waiting))
    return time.perf_counter() - start


async def _lane(client: Client, slot: int, size: int, waiting: Iterator[int]) -> None:
    for _ in waiting:
        await client.push(slot, size)
