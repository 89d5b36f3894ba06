"""Interpreter workers are killed, stopped or made to hang, one after the other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.benchmarks.processor import children
from tests.faults.ledger import Ledger
from tests.faults.load import Asker, answered
from tests.faults.processes import NodeProcess
from tests.faults.suite import Report
from tests.faults.worker_log import Replaced, WorkerLog

NOTICE_SECONDS = 10.0
"""A worker that nobody missed for so long is not going to be replaced."""

WORKS_SECONDS = 5.0


@dataclass
class Broken:
    """What a run of broken workers came to."""

    backs: list[float] = field(default_factory=list)
    """Seconds from a kill, or from the judgement of a hang, until another worker was ready."""
    unnoticed: int = 0
    """Workers that were not replaced."""
    wrong: int = 0
    """Replacements after which nothing was answered, or whose daemon was another."""
    reasons: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.backs) + self.unnoticed


class Victim:
    """The worker of a node with one stage."""

    def __init__(self, node: NodeProcess):
        self.node, self.pid = node, 0
        self._daemon = node.pid
        self._log = WorkerLog(node.log)

    async def look(self) -> None:
        """Learn who the worker is now; what the log said before is no answer to what comes."""
        (stage,) = (await self.node.status()).stages
        self.pid = stage.pid
        self._log.skip()

    @property
    def same_daemon(self) -> bool:
        """Whether the daemon still lives its first life."""
        return self.node.is_running and self.node.pid == self._daemon

    async def killed(self) -> tuple[float, Replaced | None]:
        """``kill -9``; seconds until another one was ready."""
        start = time.time()
        os.kill(self.pid, signal.SIGKILL)
        replaced = await self.replaced()
        return (replaced.ready - start if replaced else 0.0), replaced

    async def orphaned(self) -> tuple[float, Replaced | None]:
        """``kill -9`` of the process it was forked from; seconds as for ``killed``."""
        (zygote,) = children(self.node.pid)
        start = time.time()
        os.kill(zygote, signal.SIGKILL)
        replaced = await self.replaced()
        return (replaced.ready - start if replaced else 0.0), replaced

    async def stopped(self) -> tuple[float, Replaced | None]:
        """``SIGSTOP``; seconds from when it was given up until another one was ready."""
        os.kill(self.pid, signal.SIGSTOP)
        return _since_judgement(await self.replaced())

    async def hung(self, flag: Path) -> tuple[float, Replaced | None]:
        """The next run never returns; seconds as for ``stopped``."""
        await asyncio.to_thread(flag.touch)
        return _since_judgement(await self.replaced())

    async def replaced(self, within: float = NOTICE_SECONDS) -> Replaced | None:
        """Wait until another worker is ready in its place."""
        return await self._log.replaced(within)


def _since_judgement(replaced: Replaced | None) -> tuple[float, Replaced | None]:
    return (replaced.ready - replaced.lost if replaced else 0.0), replaced


Strike = Callable[[Victim], Awaitable[tuple[float, Replaced | None]]]


class Breaker:
    """Strikes the workers of some nodes, a random one at a time."""

    def __init__(self, victims: list[Victim], seed: int, report: Report):
        self._victims = victims
        self._dice = Random(seed)
        self._report = report

    async def under_load(self, count: int, strike: Strike, ledger: Ledger) -> Broken:
        """Strike while requests are under way; go on when another one was answered rightly."""
        found = Broken()
        for number in range(count):
            await asyncio.sleep(self._dice.uniform(0.0, 0.05))
            victim = await self._strike(strike, found)
            works = await answered(ledger, 1, WORKS_SECONDS)
            found.wrong += not works or not victim.same_daemon
            self._report.progress(number + 1, count)
        return found

    async def idle(self, count: int, strike: Strike, asker: Asker) -> Broken:
        """Strike while nothing is under way; then one request has to be answered rightly."""
        found = Broken()
        for number in range(count):
            victim = await self._strike(strike, found)
            before = asker.ledger.account().right
            await asker.ask()
            works = asker.ledger.account().right == before + 1
            found.wrong += not works or not victim.same_daemon
            self._report.progress(number + 1, count)
        return found

    async def _strike(self, strike: Strike, found: Broken) -> Victim:
        victim = self._dice.choice(self._victims)
        await victim.look()
        seconds, replaced = await strike(victim)
        if replaced is None:
            found.unnoticed += 1
        else:
            found.backs.append(seconds)
            found.reasons.append(replaced.reason)
        return victim
