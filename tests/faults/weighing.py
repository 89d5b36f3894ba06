"""What a node weighs, with all the processes it has started, read from outside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processor import proportional_megabytes, resident_megabytes

LOOK_SECONDS = 0.1


def family(pid: int) -> tuple[int, ...]:
    """A process and everything that descends from it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return tuple(found)


def weight(pids: Iterable[int]) -> float:
    """Megabytes of processes together; what they share with each other counts once."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, StopIteration):  # it has just ended
            total += proportional_megabytes(pid)
    return total


def resident(pid: int) -> float:
    """Resident megabytes of one process."""
    return resident_megabytes(pid)


def descriptors(pid: int) -> int:
    """How many files, sockets and pipes a process holds open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@dataclass
class Peak:
    """The most that one node's processes weighed together."""

    pid: int
    megabytes: float = 0.0

    def look(self) -> None:
        """Weigh them now."""
        self.megabytes = max(self.megabytes, weight(family(self.pid)))


@asynccontextmanager
async def weighed(pids: Iterable[int]) -> AsyncIterator[list[Peak]]:
    """Weigh nodes again and again while the block runs."""
    found = [Peak(pid) for pid in pids]

    async def look() -> None:
        while True:
            for peak in found:
                peak.look()
            await asyncio.sleep(LOOK_SECONDS)

    task = asyncio.create_task(look(), name="weigh")
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
