"""Nodes are stopped under load and go on later; who notices, and what becomes of their words."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from edgechain.errors import Unavailable
from edgechain.transport.link import LinkState
from tests.faults.hash_chain import JOIN, HashChain, Run, runs_in, slow, write_chain
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, loaded, now
from tests.faults.processes import NodeProcess
from tests.faults.running import RunningChain, running
from tests.faults.sight import Sight, watched_fleets
from tests.faults.suite import Report

STAGE_SECONDS = 0.01
IN_FLIGHT = 8
DEADLINE = 6.0

UNNOTICED_SECONDS = 8.0
"""A stop that nobody has noticed by then goes unnoticed."""

BACK_SECONDS = 15.0
LOOK_SECONDS = 0.05
"""Between two looks at what a feeding node says of its links."""

BRIEF = 0.2
"""In this share of the rounds the node goes on before anybody can have noticed."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Seconds until the client, and those who feed the node, noticed its stop."""

    client: float | None
    feeding: tuple[float | None, ...]


Wait = Callable[[NodeProcess, float], Awaitable[Noticed | None]]
"""Waits while a node is stopped; gives nothing when the stop was brief."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """One stop: when, how long until it was noticed, and when the client spoke with it again.

    A stop that was not brief and went unnoticed has ``None`` there.
    """

    pids: frozenset[int]
    since: float
    until: float
    brief: bool = False
    noticed: float | None = None
    feeding: tuple[float | None, ...] = ()
    """The nodes that feed it."""


@dataclass
class Stops:
    """What a run of stops came to."""

    account: Account
    stops: list[Stopped]
    zombies: int
    """Runs of stopped nodes' workers between the stop and the client's next Welcome from there."""
    accepted: int
    """Requests that were answered with one of them."""
    missing: int
    oddities: list[str] = field(default_factory=list)


class Stopping:
    """One chain under load, of which nodes are stopped."""

    def __init__(self, live: RunningChain, sight: Sight, seed: int, report: Report):
        self._live, self._sight, self._report = live, sight, report
        self._dice = Random(seed)
        self.stops: list[Stopped] = []
        self.oddities: list[str] = []
        self.missing = 0

    async def run(self, stops: int) -> None:
        """So many stops that are long enough to be noticed, and some brief ones between them."""
        done = 0
        while done < stops:
            await asyncio.sleep(self._dice.uniform(0.0, 0.1))
            node = self._dice.choice(list(self._live.nodes.values()))
            if self._dice.random() < BRIEF:
                await self._stop(node, self._briefly)
            else:
                await self._stop(node, self._until_noticed)
                done += 1
                self._report.progress(done, stops)

    async def _stop(self, node: NodeProcess, wait: Wait) -> None:
        status = await node.status()
        pids = frozenset(stage.pid for stage in status.stages)
        ran = sum(stage.ran for stage in status.stages)
        node.signal(signal.SIGSTOP)
        await _is_stopped(node.pid)
        since = now()
        try:
            noticed = await wait(node, since)
        finally:
            node.signal(signal.SIGCONT)
        until = await self._works_again(node, ran, since)
        if noticed is None:
            self.stops.append(Stopped(pids, since, until, brief=True))
        else:
            told = noticed.client, noticed.feeding
            self.stops.append(Stopped(pids, since, until, False, *told))

    async def _briefly(self, node: NodeProcess, since: float) -> None:
        del node, since
        await asyncio.sleep(self._dice.uniform(0.05, 1.2))

    async def _until_noticed(self, node: NodeProcess, since: float) -> Noticed:
        """Wait until the client and every node that feeds this one have noticed."""
        feeding = [n for n in self._live.nodes.values() if _feeds(self._live.chain, n, node)]
        client, *fed = await asyncio.gather(
            self._client_notices(node, since),
            *(_link_breaks(feeder, node.name, since) for feeder in feeding),
        )
        await asyncio.sleep(self._dice.uniform(0.0, 0.3))
        return Noticed(client, tuple(fed))

    async def _client_notices(self, node: NodeProcess, since: float) -> float | None:
        down = self._sight.down
        if not await _comes(lambda: down.get(node.name, 0.0) > since, since + UNNOTICED_SECONDS):
            return None
        return down[node.name] - since

    async def _works_again(self, node: NodeProcess, ran: int, since: float) -> float:
        """Wait until it has run more than before; when the client had its Welcome again."""
        end = now() + BACK_SECONDS
        while now() < end:
            with suppress(Unavailable):  # it has just gone on, or is busy
                status = await node.status()
                if sum(stage.ran for stage in status.stages) > ran and self._is_up(node, since):
                    return max(self._sight.up[node.name], since)
            await asyncio.sleep(LOOK_SECONDS)
        self.missing += 1
        self.oddities.append(f"{node.name} does not work again: {node.last_words()}")
        return now()

    def _is_up(self, node: NodeProcess, since: float) -> bool:
        """Whether the client has it, after all that happened since."""
        down, up = self._sight.down.get(node.name, 0.0), self._sight.up[node.name]
        return up > down or down < since


def _feeds(chain: HashChain, one: NodeProcess, other: NodeProcess) -> bool:
    return any(
        chain.ways[s][1] in chain.ways[t][0].split() for s in one.stages for t in other.stages
    )


async def _link_breaks(feeder: NodeProcess, name: str, since: float) -> float | None:
    """Ask a node until its link to ``name`` is not up; seconds since the stop."""
    while now() < since + UNNOTICED_SECONDS:
        try:
            links = (await feeder.status()).links
        except Unavailable:
            continue
        if all(link.state != LinkState.UP for link in links if link.peer == name):
            return now() - since
        await asyncio.sleep(LOOK_SECONDS)
    return None


async def _is_stopped(pid: int) -> None:
    """Wait until the kernel says so: from then on it says nothing any more."""
    stat = Path(f"/proc/{pid}/stat")
    assert await _comes(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", now() + 5.0)


async def _comes(condition: Callable[[], bool], until: float) -> bool:
    while not condition():
        if now() > until:
            return False
        await asyncio.sleep(0.002)
    return True


async def stop_nodes(folder: Path, stops: int, seed: int, report: Report) -> Stops:
    """Two replicas of every stage, so many requests under way at any time."""
    runs = folder / "runs"
    runs.mkdir(parents=True)
    chain = write_chain(folder / "chain", JOIN, options=slow(JOIN, STAGE_SECONDS, runs))
    ledger = Ledger(chain.answer)
    with watched_fleets() as sight:
        async with running(chain, folder, replicas=2) as live, live.connect() as client:
            stopping = Stopping(live, sight, seed, report)
            async with loaded(Asker(client, chain, ledger, DEADLINE), in_flight=IN_FLIGHT) as lag:
                await stopping.run(stops)
                report.say(f"our own loop was at most {lag() * 1000:.0f} ms late")
    noticed = [stop for stop in stopping.stops if not stop.brief]
    written = {(run.pid, run.count): run for _, run in runs_in(runs)}
    told = [run for end in ledger.ends for run in end.runs]
    return Stops(
        ledger.account(),
        stopping.stops,
        zombies=_while_stopped(noticed, written.values()),
        accepted=_while_stopped(noticed, told),
        missing=stopping.missing,
        oddities=[*stopping.oddities, *ledger.oddities],
    )


def _while_stopped(stops: Iterable[Stopped], runs: Iterable[Run]) -> int:
    """How many of the runs are of a stopped node's worker, from the time of the stop."""
    by_pid: dict[int, list[Stopped]] = {}
    for stop in stops:
        for pid in stop.pids:
            by_pid.setdefault(pid, []).append(stop)
    return sum(
        any(stop.since < run.seconds < stop.until for stop in by_pid.get(run.pid, ()))
        for run in runs
    )
