"""Boards are cut off from each other under load, both ways and one way, and healed again."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from edgechain.errors import Unavailable
from edgechain.transport.link import LinkState
from tests.chain.bridges import Board
from tests.faults.boards import place, running_on
from tests.faults.hash_chain import LINE, slow, write_chain
from tests.faults.ledger import Account, Ledger, longest_gap
from tests.faults.load import Asker, loaded, now
from tests.faults.processes import NodeProcess
from tests.faults.running import RunningChain
from tests.faults.sight import Sight, watched_fleets
from tests.faults.suite import Report

STAGE_SECONDS = 0.01
IN_FLIGHT = 8

BRIEF = 0.25
"""In this share of the rounds the network is whole again before anybody can have noticed."""

UNHEALED_SECONDS = 15.0
"""Who is not linked again by then will not be."""

LOOK_SECONDS = 0.02

KINDS = ("whole", "mute", "deaf", "apart")
"""A board that is cut off; whose words do not get out; that hears nothing; and two nodes of which
one does not hear the other."""


@dataclass(frozen=True, slots=True)
class Parted:
    """One partition. Seconds until the client noticed (if it had to), and after the heal until
    everybody was linked with everybody again."""

    kind: str
    seconds: float
    must_notice: bool
    noticed: float | None
    back: float | None


@dataclass
class Parts:
    """What a run of partitions came to."""

    account: Account
    parts: list[Parted]
    gap: float = 0.0
    """The longest time without an answer."""
    oddities: Sequence[str] = ()


@dataclass
class Way:
    """Packets of ``source`` to ``target`` are thrown away between ``cut`` and ``heal``."""

    source: Board
    target: Board
    closed: bool = field(default=False)

    def cut(self) -> None:
        self._route("add")
        self.closed = True

    def heal(self) -> None:
        if self.closed:
            self._route("del")
            self.closed = False

    def _route(self, verb: str) -> None:
        words = ("route", verb, "blackhole", f"{self.target.address}/32")
        subprocess.run(["ip", "-n", self.source.namespace, *words], check=True)


def ways_of(kind: str, victim: Board, others: Sequence[Board]) -> list[Way]:
    """Which ways a partition closes."""
    out = [Way(victim, other) for other in others]
    into = [Way(other, victim) for other in others]
    return {"whole": out + into, "mute": out, "deaf": into, "apart": out[:1]}[kind]


class Parting:
    """One chain under load whose boards are cut off, one after the other."""

    def __init__(
        self,
        live: RunningChain,
        boards: Mapping[str, Board],
        here: Board,
        sight: Sight,
        seed: int,
        report: Report,
    ):
        self._live, self._boards, self._here = live, boards, here
        self._sight, self._report = sight, report
        self._linked_at = 0.0
        self._dice = Random(seed)
        self.parts: list[Parted] = []
        self.oddities: list[str] = []

    async def run(self, count: int) -> None:
        """So many partitions of all kinds."""
        await self.run_these([(KINDS[n % len(KINDS)], self._duration()) for n in range(count)])

    async def run_these(self, cuts: Sequence[tuple[str, float]]) -> None:
        """Kind and seconds of each; the next one begins when all are linked again."""
        for kind, seconds in cuts:
            await asyncio.sleep(self._dice.uniform(0.0, 0.3))
            await self._part(kind, seconds)
            self._report.progress(len(self.parts), len(cuts))

    def _duration(self) -> float:
        is_brief = self._dice.random() < BRIEF
        return self._dice.uniform(0.2, 1.2) if is_brief else self._dice.uniform(3.0, 5.0)

    async def _part(self, kind: str, seconds: float) -> None:
        name, others = self._choose(kind)
        ways = ways_of(kind, self._boards[name], others)
        since = now()
        try:
            await _change(ways, Way.cut)
            await asyncio.sleep(seconds)
        finally:
            await _change(ways, Way.heal)
        healed = now()
        back = await self._whole_again(healed)
        down = self._sight.down.get(name, 0.0)
        must = kind != "apart" and seconds > 3.0
        noticed = down - since if since < down < healed else None
        self.parts.append(Parted(kind, seconds, must, noticed, back))

    def _choose(self, kind: str) -> tuple[str, list[Board]]:
        """A node, and whom it is parted from: everybody, or one of those it feeds."""
        if kind == "apart":
            name = self._dice.choice([n.name for n in self._live.replicas(self._feeding)])
            fed = self._dice.choice(self._live.replicas(self._fed))
            return name, [self._boards[fed.name]]
        name = self._dice.choice(list(self._boards))
        return name, [self._here, *(b for other, b in self._boards.items() if other != name)]

    @property
    def _feeding(self) -> str:
        return self._live.chain.stages[0]

    @property
    def _fed(self) -> str:
        return self._live.chain.stages[1]

    async def _whole_again(self, healed: float) -> float | None:
        """Wait until every link is up; how long it took."""
        while now() < healed + UNHEALED_SECONDS:
            if self._client_has_all() and await self._nodes_are_linked():
                ups = [self._sight.up[name] for name in self._boards]
                return max(0.0, *(up - healed for up in ups), self._linked_at - healed)
            await asyncio.sleep(LOOK_SECONDS)
        self.oddities.append(f"not whole {UNHEALED_SECONDS:g} s after the heal")
        return None

    def _client_has_all(self) -> bool:
        up, down = self._sight.up, self._sight.down
        return all(up.get(name, 0.0) > down.get(name, 0.0) for name in self._boards)

    async def _nodes_are_linked(self) -> bool:
        nodes = self._live.replicas(self._feeding)
        found = await asyncio.gather(*(self._is_linked(node) for node in nodes))
        self._linked_at = now()
        return all(found)

    async def _is_linked(self, node: NodeProcess) -> bool:
        try:
            links = (await node.status()).links
        except Unavailable:
            return False
        return len(links) == len(self._live.replicas(self._fed)) and all(
            link.state == LinkState.UP for link in links
        )


async def _change(ways: Sequence[Way], change: Callable[[Way], None]) -> None:
    """All ways at once; ``ip`` is another process, and not to be waited for in the loop."""
    await asyncio.gather(*(asyncio.to_thread(change, way) for way in ways))


async def part_boards(
    folder: Path,
    boards: Sequence[Board],
    cuts: int | Sequence[tuple[str, float]],
    deadline: float,
    seed: int,
    report: Report,
) -> Parts:
    """Two replicas of two stages, a board for each, and the client, who is here, on the last.

    ``cuts`` is how many, or which and how long.
    """
    chain = write_chain(folder / "chain", LINE, options=slow(LINE, STAGE_SECONDS))
    ledger, *homes, here = Ledger(chain.answer), *boards
    at = place(folder, chain, homes)
    with watched_fleets() as sight:
        async with (
            running_on(at, chain, folder) as live,
            live.connect() as client,
        ):
            parting = Parting(live, at, here, sight, seed, report)
            async with loaded(Asker(client, chain, ledger, deadline), in_flight=IN_FLIGHT) as lag:
                start = now()
                await (parting.run(cuts) if isinstance(cuts, int) else parting.run_these(cuts))
                end = now()
                report.say(f"our own loop was at most {lag() * 1000:.0f} ms late")
    oddities = [*parting.oddities, *ledger.oddities]
    return Parts(ledger.account(), parting.parts, longest_gap(ledger.ends, start, end), oddities)
