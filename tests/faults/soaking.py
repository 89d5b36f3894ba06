"""A chain that is asked for a long time, and what its processes hold before and after."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, now
from tests.faults.processes import NodeProcess
from tests.faults.running import RunningChain
from tests.faults.suite import Report
from tests.faults.weighing import descriptors, family, threads, weigh

IN_FLIGHT = 8
DEADLINE = 10.0
CALM_SECONDS = 10.0
"""How long the last slots may take to come back."""

STEPS = 20

CLIENT = "client"


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
        """Wait until every slot is free again, then look at every process."""
        megabytes, counts = _here()
        for name, node in self._live.nodes.items():
            counts[f"slots of {name}"] = await _slots_in_use(node)
            for number, pid in enumerate(family(node.pid)):
                whose = f"{name}'s child {number}" if number else name
                megabytes[whose] = weigh(pid).total
                counts[f"descriptors of {whose}"] = descriptors(pid)
                counts[f"threads of {whose}"] = threads(pid)
            for what, count in (await _counted(node, self._live.folder / f"{name}.counts")).items():
                counts[f"{what} of {name}"] = count
        return Holdings(megabytes, counts)


def _here() -> tuple[dict[str, float], dict[str, int]]:
    """Our own process, which is the client."""
    gc.collect()
    pid = os.getpid()
    counts = {
        f"tasks of the {CLIENT}": len(asyncio.all_tasks()),
        f"descriptors of the {CLIENT}": descriptors(pid),
        f"threads of the {CLIENT}": threads(pid),
    }
    return {CLIENT: weigh(pid).total}, counts


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
