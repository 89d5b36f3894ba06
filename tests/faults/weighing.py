"""What a node weighs, with all the processes it has started, read from outside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.1


def family(pid: int) -> tuple[int, ...]:
    """A process and everything that descends from it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Weight:
    """Megabytes of one process: its own, and what lies in memory shared with others.

    The code of libraries is left out: how much of it is mapped in is no growth.
    """

    own: float
    shared: float

    @property
    def total(self) -> float:
        """Both."""
        return self.own + self.shared


def weigh(pid: int) -> Weight:
    """One process; nothing once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return Weight(0.0, 0.0)
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    own, shared = (int(sizes.get(name, 0)) * 1024 / 1e6 for name in ("RssAnon", "RssShmem"))
    return Weight(own, shared)


def weigh_family(pid: int) -> float:
    """A node and its workers; its arena, which all of them map, counts once."""
    weights = [weigh(one) for one in family(pid)]
    return sum(weight.own for weight in weights) + max(weight.shared for weight in weights)


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
        self.megabytes = max(self.megabytes, weigh_family(self.pid))


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
