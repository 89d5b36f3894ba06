"""A chain that is asked for a long time, and what its processes hold before and after."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processor import resident_megabytes
from tests.chain.nodes import threads_of
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, now
from tests.faults.processes import NodeProcess
from tests.faults.running import RunningChain
from tests.faults.suite import Report
from tests.faults.weighing import descriptors, family

IN_FLIGHT = 8
DEADLINE = 10.0
CALM_SECONDS = 10.0
"""How long the last slots may take to come back."""

LOOKS = 5
LOOK_SECONDS = 0.1

STEPS = 20

CLIENT = "the client"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What every process held when nothing was under way, by its name."""

    megabytes: Mapping[str, float]
    counts: Mapping[str, int]
    """Tasks, descriptors, threads, slots in use: by what and whose."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """Before and after, of a run that was warm before."""

    account: Account
    before: Holdings
    after: Holdings
    rate: float
    """Requests a second."""

    @property
    def growth(self) -> dict[str, float]:
        """Megabytes each process gained."""
        return {name: self.after.megabytes[name] - m for name, m in self.before.megabytes.items()}

    @property
    def left(self) -> dict[str, int]:
        """What there is more of than before."""
        found = {name: self.after.counts[name] - n for name, n in self.before.counts.items()}
        return {name: more for name, more in found.items() if more > 0}


class Soak:
    """One chain of ``counted_node``s, asked by the client in this process."""

    def __init__(self, live: RunningChain, asker: Asker, report: Report):
        self._live, self._asker, self._report = live, asker, report

    async def run(self, warm_up: int, requests: int) -> Soaked:
        """Ask until it is warm, look, ask on, look again."""
        await self._ask(warm_up)
        before, start = await self.look(), now()
        for step in range(STEPS):
            await self._ask(requests * (step + 1) // STEPS - requests * step // STEPS)
            self._report.progress(step + 1, STEPS)
        rate = requests / (now() - start)
        return Soaked(self._asker.ledger.account(), before, await self.look(), rate)

    async def _ask(self, requests: int) -> None:
        left = iter(range(requests))

        async def keep_asking() -> None:
            for _ in left:
                await self._asker.ask()

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(keep_asking())

    async def look(self) -> Holdings:
        """Wait until every slot is free again, then look at every process.

        What is counted several times counts as often as it was there at least: connections that
        are just being closed, our own questions' among them, are no leak.
        """
        slots = {f"slots of {n}": await _slots_in_use(node) for n, node in self._nodes.items()}
        counts = await self._count()
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_SECONDS)
            again = await self._count()
            counts = {name: min(count, again.get(name, count)) for name, count in counts.items()}
        gc.collect()
        megabytes = {whose: resident_megabytes(pid) for whose, pid in self._processes()}
        return Holdings(megabytes, {**slots, **counts})

    @property
    def _nodes(self) -> dict[str, NodeProcess]:
        return self._live.nodes

    def _processes(self) -> Iterator[tuple[str, int]]:
        """Ours, which is the client, and every node's with its children."""
        yield CLIENT, os.getpid()
        for name, node in self._nodes.items():
            for number, pid in enumerate(family(node.pid)):
                yield f"{name}'s child {number}" if number else name, pid

    async def _count(self) -> dict[str, int]:
        counts = {f"tasks of {CLIENT}": len(asyncio.all_tasks())}
        for name, node in self._nodes.items():
            found = await _counted(node, self._live.folder / f"{name}.counts")
            counts |= {f"{what} of {name}": count for what, count in found.items()}
        for whose, pid in self._processes():
            counts[f"descriptors of {whose}"] = descriptors(pid)
            counts[f"threads of {whose}"] = threads_of(pid)
        return counts


async def _slots_in_use(node: NodeProcess) -> int:
    end = now() + CALM_SECONDS
    while True:
        in_use = (await node.status()).slots_in_use
        if not in_use or now() > end:
            return in_use
        await asyncio.sleep(0.02)


async def _counted(node: NodeProcess, answer: Path) -> dict[str, int]:
    """Have a ``counted_node`` count its tasks."""
    _take(answer)
    node.signal(signal.SIGUSR1)
    end = now() + CALM_SECONDS
    while (text := _take(answer)) is None:
        if now() > end:
            raise AssertionError(f"{node.name} does not count: {node.last_words()}")
        await asyncio.sleep(0.01)
    return {"tasks": json.loads(text)["tasks"]}


def _take(path: Path) -> str | None:
    """What stands in a file, which is gone then."""
    if not path.exists():
        return None
    text = path.read_text()
    path.unlink()
    return text


def small_ledger(asked: RunningChain) -> Ledger:
    """Books that do not grow."""
    return Ledger(asked.chain.answer, keeps=False)
