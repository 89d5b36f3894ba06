"""Nodes are killed under load and started again; what became of the requests meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from edgechain.client.chain import Chain
from tests.faults.hash_chain import JOIN, HashChain, runs_in, slow, write_chain
from tests.faults.ledger import Account, Ended, Ledger, longest_gap
from tests.faults.load import Asker, loaded, now
from tests.faults.processes import NodeProcess
from tests.faults.running import Discovery, RunningChain, running
from tests.faults.sight import Sight, watched_fleets
from tests.faults.suite import Report

STAGE_SECONDS = 0.01
"""Long enough for several requests to be on a node when it is killed."""

IN_FLIGHT = 8
RATE = 40.0
DEADLINE = 5.0

UNNOTICED_SECONDS = 10.0
BACK_SECONDS = 15.0
"""A node that has not run anything so long after its start is not coming back."""

TOGETHER = 0.2
"""In this share of the rounds nodes of two stages are killed at the same moment."""


@dataclass
class Killed:
    """What a run of kills came to."""

    account: Account
    kills: int
    runs: int
    """How often stages ran, for whatever attempt."""
    gaps: list[float] = field(default_factory=list)
    """Around every kill the longest time between two results, or without any."""
    errors: list[float] = field(default_factory=list)
    """For every request that failed, seconds from its submission, or from the kill if later."""
    backs: list[float] = field(default_factory=list)
    """For every kill, seconds from the start of the node's next life to the next result."""
    notices: list[float] = field(default_factory=list)
    """For every kill, seconds until the client knew."""
    slowest: float = 0.0
    """Seconds of the request that took longest, whatever its end."""
    missing: int = 0
    """Nodes that did not work again after their restart, or that had ended by themselves."""
    oddities: Sequence[str] = ()

    @property
    def extra(self) -> float:
        """Runs of stages beyond those that the answered requests needed, as a share."""
        needed = self.account.right * len(JOIN)
        return self.runs / needed - 1 if needed else 0.0


class Killing:
    """One chain under load, of which nodes are killed."""

    def __init__(self, live: RunningChain, ledger: Ledger, sight: Sight, seed: int, report: Report):
        self._live, self._ledger, self._sight, self._report = live, ledger, sight, report
        self._dice = Random(seed)
        self.gaps: list[float] = []
        self.errors: list[float] = []
        self.backs: list[float] = []
        self.notices: list[float] = []
        self.oddities: list[str] = []
        self.kills = self.missing = 0

    async def with_siblings(self, kills: int) -> None:
        """Kill nodes whose siblings live; go on when their next lives have run something."""
        while self.kills < kills:
            await asyncio.sleep(self._dice.uniform(0.0, 0.1))
            chosen = self._choose()
            start = now()
            await asyncio.gather(*(self._kill_and_restart(node) for node in chosen))
            self.kills += len(chosen)
            self.gaps.append(longest_gap(self._ends_since(start), start, now()))
            self._report.progress(min(self.kills, kills), kills)

    def _choose(self) -> list[NodeProcess]:
        stages = self._dice.sample(
            self._live.chain.stages, 2 if self._dice.random() < TOGETHER else 1
        )
        return [self._dice.choice(self._live.replicas(stage)) for stage in stages]

    async def _kill_and_restart(self, node: NodeProcess) -> None:
        await self._kill(node)
        await asyncio.sleep(self._dice.uniform(0.0, 0.2))
        await node.start()
        if not await self._live.has_run(node, BACK_SECONDS):
            self._miss(node, "does not work again")

    async def _kill(self, node: NodeProcess) -> None:
        if not node.is_running:
            self._miss(node, "had ended by itself")
            return
        killed = now()
        await node.kill()
        while self._sight.down.get(node.name, 0.0) < killed:
            if now() > killed + UNNOTICED_SECONDS:
                self._miss(node, "was killed and the client does not know")
                return
            await asyncio.sleep(0.002)
        self.notices.append(self._sight.down[node.name] - killed)

    def _miss(self, node: NodeProcess, what: str) -> None:
        self.missing += 1
        self.oddities.append(f"{node.name} {what}: {node.last_words()}")

    async def alone(self, kills: int, down: float) -> None:
        """Kill the only node of a stage; it stays ``down``, then must serve again."""
        while self.kills < kills:
            await asyncio.sleep(self._dice.uniform(0.0, 0.1))
            node = self._dice.choice(list(self._live.nodes.values()))
            killed = now()
            await self._kill(node)
            await asyncio.sleep(down)
            started = now()
            await node.start()
            back = await self._next_answer(started)
            self.kills += 1
            if back is None:
                self._miss(node, "is back and nothing is answered")
            self.backs.append(BACK_SECONDS if back is None else back - started)
            ends = [end for end in self._ends_since(killed) if end.error]
            self.errors += [end.ended - max(end.submitted, killed) for end in ends]
            self._report.progress(self.kills, kills)

    async def _next_answer(self, since: float) -> float | None:
        """When the next right answer comes."""
        seen = len(self._ledger.ends)
        while now() < since + BACK_SECONDS:
            for end in self._ledger.ends[seen:]:
                if not end.error and end.submitted > since:
                    return end.ended
            seen = len(self._ledger.ends)
            await asyncio.sleep(0.005)
        return None

    def _ends_since(self, start: float) -> list[Ended]:
        found = []
        for end in reversed(self._ledger.ends):
            if end.ended < start:
                break
            found.append(end)
        return found


async def kill_replicas(folder: Path, kills: int, seed: int, report: Report) -> Killed:
    """Two replicas of every stage, so many requests under way at any time."""
    chain, ledger = _prepare(folder)
    async with _watched(running(chain, folder, replicas=2)) as (live, client, sight):
        killing = Killing(live, ledger, sight, seed, report)
        asker = Asker(client, chain, ledger, DEADLINE)
        async with loaded(asker, in_flight=IN_FLIGHT) as lag:
            await killing.with_siblings(kills)
            report.say(f"our own loop was at most {lag() * 1000:.0f} ms late")
    return _outcome(killing, ledger, folder)


async def kill_single(
    folder: Path, kills: int, down: float, discovery: Discovery, seed: int, report: Report
) -> Killed:
    """One node a stage, and a steady rate of requests."""
    chain, ledger = _prepare(folder)
    async with _watched(running(chain, folder, discovery=discovery)) as (live, client, sight):
        killing = Killing(live, ledger, sight, seed, report)
        async with loaded(Asker(client, chain, ledger, DEADLINE), rate=RATE) as lag:
            await killing.alone(kills, down)
            report.say(f"our own loop was at most {lag() * 1000:.0f} ms late")
    return _outcome(killing, ledger, folder)


@asynccontextmanager
async def _watched(
    nodes: AbstractAsyncContextManager[RunningChain],
) -> AsyncIterator[tuple[RunningChain, Chain, Sight]]:
    """A client of the nodes, and what it notices of them."""
    with watched_fleets() as sight:
        async with nodes as live, live.connect() as client:
            yield live, client, sight


def _prepare(folder: Path) -> tuple[HashChain, Ledger]:
    runs = folder / "runs"
    runs.mkdir(parents=True)
    chain = write_chain(folder / "chain", JOIN, options=slow(JOIN, STAGE_SECONDS, runs))
    return chain, Ledger(chain.answer)


def _outcome(killing: Killing, ledger: Ledger, folder: Path) -> Killed:
    return Killed(
        account=ledger.account(),
        kills=killing.kills,
        runs=len(runs_in(folder / "runs")),
        gaps=killing.gaps,
        errors=killing.errors,
        backs=killing.backs,
        notices=killing.notices,
        slowest=max(end.seconds for end in ledger.ends),
        missing=killing.missing,
        oddities=(*killing.oddities, *ledger.oddities),
    )
