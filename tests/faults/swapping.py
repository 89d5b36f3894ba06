"""A chain is swapped from generation to generation under load; whose answers came back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from edgechain.discovery.local import ENVIRONMENT, LocalChain, LocalNode, process_started
from edgechain.errors import EdgechainError
from edgechain.node.swapping import LocalSwap
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import parse, render
from tests.faults.hash_chain import JOIN, LINE, Answer, Array, HashChain, slow, write_chain
from tests.faults.ledger import Account, Ledger, longest_gap
from tests.faults.load import Asker, answered, loaded, now
from tests.faults.processes import NodeProcess
from tests.faults.running import RunningChain, running
from tests.faults.suite import Report

STAGE_SECONDS = 0.01
IN_FLIGHT = 8
DEADLINE = 10.0

BACK_AGAIN = 0.3
"""In this share of the swaps the generation before comes back: that is rolling back."""

MOVED_SECONDS = 10.0
"""By then new requests are answered under the new generation."""


class ManyGenerations:
    """One chain in many generations, as an ``Asker`` and a ``Ledger`` see it.

    An answer is right when it is wholly of one generation, and of one that a request under way
    can have begun with; a right answer counts as the first one's, so that the books need not
    know of generations.
    """

    def __init__(self, folder: Path, ways: Mapping[str, tuple[str, str]], seed: str):
        self._folder, self._ways, self._seed = folder, ways, seed
        self._made: dict[str, HashChain] = {}
        self.allowed: tuple[str, ...] = ("g0",)
        self.answers: Counter[str] = Counter()
        self.oddities: list[str] = []
        self.first = self.make("g0")

    def make(self, label: str) -> HashChain:
        """The chain of this label; its directory is named like it."""
        if label not in self._made:
            self._made[label] = write_chain(
                self.directory(label),
                self._ways,
                label=label,
                seed=self._seed,
                options=slow(self._ways, STAGE_SECONDS),
            )
        return self._made[label]

    def directory(self, label: str) -> Path:
        """Where a generation is."""
        return self._folder / ("chain" if label == "g0" else label)

    def question(self, number: int) -> Array:
        """The input of a request, the same in every generation."""
        return self.first.question(number)

    def answer(self, number: int) -> bytes:
        """The digest that a right answer counts as."""
        return self.first.answer(number)

    def read(self, value: Array) -> Answer:
        """Take an answer apart; one that no generation gives keeps its digest and is wrong."""
        found = self.first.read(value)
        for label in self.allowed:
            if self._made[label].answer(found.number) == found.digest:
                self.answers[label] += 1
                return Answer(self.answer(found.number), found.number, found.runs)
        self.oddities += [
            f"request {found.number} was answered by {label}, not {self.allowed}"
            for label, made in self._made.items()
            if made.answer(found.number) == found.digest
        ]
        return Answer(b"of no generation that may", found.number, found.runs)


@dataclass
class Swapped:
    """What a run of swaps came to."""

    account: Account
    swaps: int
    gaps: list[float]
    """Around every swap the longest time between two answers, or without any."""
    answers: Counter[str]
    """How many answers each generation gave."""
    missing: list[str] = field(default_factory=list)
    """What did not work: swaps that failed, generations that answered nothing."""
    oddities: Sequence[str] = ()


class Swapping:
    """One chain under load, whose generation changes."""

    def __init__(self, live: RunningChain, many: ManyGenerations, seed: int):
        self._live, self._many = live, many
        self.ledger = Ledger(many.answer)
        self._dice = Random(seed)
        self._label = "g0"
        self._before = "g0"
        self._born = 0
        self.gaps: list[float] = []
        self.missing: list[str] = []
        self.swaps = 0

    async def swap_often(self, swaps: int, report: Report) -> None:
        """Swap so many times, to new generations and back."""
        await answered(self.ledger, IN_FLIGHT, MOVED_SECONDS)
        while self.swaps < swaps:
            start = now()
            await self._swap(self._choose())
            self.swaps += 1
            ends = [end for end in self.ledger.ends if end.ended >= start]
            self.gaps.append(longest_gap(ends, start, now()))
            report.progress(self.swaps, swaps)

    def _choose(self) -> str:
        if self._before != self._label and self._dice.random() < BACK_AGAIN:
            return self._before
        self._born += 1
        return f"g{self._born}"

    async def _swap(self, label: str) -> None:
        many = self._many
        many.make(label)
        many.allowed = (self._before, self._label, label)
        given = many.answers[label]
        try:
            await LocalSwap(self._record(), many.directory(label), lambda *_: None).run()
        except EdgechainError as error:
            self.missing.append(f"swap to {label}: {error}")
            return
        self._before, self._label = self._label, label
        if not await answered(self.ledger, IN_FLIGHT, MOVED_SECONDS):
            self.missing.append(f"{label} serves and nothing is answered")
        if not await _until(lambda: many.answers[label] > given, MOVED_SECONDS):
            self.missing.append(f"{label} serves and answers nothing")

    async def restart_all(self, label: str) -> None:
        """Give every node another chain and start it again; wait for its first answer."""
        many = self._many
        many.make(label)
        many.allowed = (self._before, self._label, label)
        for node in self._live.nodes.values():
            _tell(config_of(node), many.directory(label))
            node.signal(signal.SIGTERM)
        await asyncio.gather(*(node.gone() for node in self._live.nodes.values()))
        await asyncio.gather(*(self._live.restart(node) for node in self._live.nodes.values()))
        await _until(lambda: many.answers[label] > 0, MOVED_SECONDS)

    def outcome(self) -> Swapped:
        """What the swaps came to."""
        return Swapped(
            account=self.ledger.account(),
            swaps=self.swaps,
            gaps=self.gaps,
            answers=self._many.answers,
            missing=self.missing,
            oddities=(*self.ledger.oddities, *self._many.oddities),
        )

    def _record(self) -> LocalChain:
        """What `up` would have noted of this chain."""
        nodes = tuple(
            LocalNode(
                name=node.name,
                pid=node.pid,
                started=process_started(node.pid),
                address=node.address,
                stages=node.stages,
                config=str(config_of(node)),
            )
            for node in self._live.nodes.values()
        )
        chain = self._many.make(self._label)
        return LocalChain(
            name=chain.manifest.name,
            generation=chain.manifest.generation,
            directory=str(self._many.directory(self._label)),
            identity=self._live.whereabouts()["identity"],
            nodes=nodes,
        )


async def swap_under_load(
    folder: Path, swaps: int, seed: int, report: Report
) -> tuple[Swapped, Account]:
    """Two replicas of every stage, a client that keeps eight requests under way, and swaps.

    In the end, as a control, what people do without a swap: the second account.
    """
    async with _generations(folder, JOIN, seed, replicas=2) as (live, many):
        swapping = Swapping(live, many, seed)
        async with live.connect() as client:
            asker = Asker(client, many, swapping.ledger, DEADLINE)
            async with loaded(asker, in_flight=IN_FLIGHT) as lag:
                await swapping.swap_often(swaps, report)
                report.say(f"our own loop was at most {lag() * 1000:.0f} ms late")
            report.say("restarts instead of a swap")
            asker = Asker(client, many, Ledger(many.answer), DEADLINE)
            async with loaded(asker, in_flight=IN_FLIGHT):
                await swapping.restart_all("control")
    return swapping.outcome(), asker.ledger.account()


async def span_generations(folder: Path, module: str) -> Account:
    """Only the first stage's node is given the next generation, and nobody checks."""
    async with _generations(folder, LINE, 0, replicas=1, module=module) as (live, many):
        many.make("g1")
        many.allowed = ("g0", "g1")
        ledger = Ledger(many.answer)
        (node,) = live.replicas(live.chain.stages[0])
        _tell(config_of(node), many.directory("g1"))
        node.signal(signal.SIGTERM)
        await node.gone()
        await live.restart(node)
        async with live.connect() as client:
            asker = Asker(client, many, ledger, 2.0)
            for _ in range(5):
                await asker.ask()
    ledger.give_up()
    return ledger.account()


@dataclass
class Ended:
    """What a run of stops came to."""

    account: Account
    stops: int
    seconds: list[float]
    """How long each node took to end."""
    statuses: Counter[int | None]


async def end_under_load(
    folder: Path, stops: Sequence[tuple[signal.Signals, int]], seed: int, report: Report
) -> list[Ended]:
    """Nodes with a sibling are sent a signal under load, and started again when they are gone.

    ``stops`` says which signal and how often, one run after the other.
    """
    dice = Random(seed)
    async with (
        _generations(folder, LINE, seed, replicas=2) as (live, many),
        live.connect() as client,
    ):
        found = []
        for number, times in stops:
            asker = Asker(client, many, Ledger(many.answer), DEADLINE)
            async with loaded(asker, in_flight=IN_FLIGHT):
                ended = Ended(asker.ledger.account(), times, [], Counter())
                for done in range(times):
                    await answered(asker.ledger, IN_FLIGHT, MOVED_SECONDS)
                    await _end_one(live, dice.choice(list(live.nodes.values())), number, ended)
                    report.progress(done + 1, times)
            ended.account = asker.ledger.account()
            found.append(ended)
    return found


async def _end_one(
    live: RunningChain, node: NodeProcess, number: signal.Signals, ended: Ended
) -> None:
    start = now()
    node.signal(number)
    await node.gone()
    ended.seconds.append(now() - start)
    ended.statuses[exit_status(node)] += 1
    await live.restart(node)
    await live.has_run(node, MOVED_SECONDS)


@asynccontextmanager
async def _generations(
    folder: Path, ways: Mapping[str, tuple[str, str]], seed: int, **options: Any
) -> AsyncIterator[tuple[RunningChain, ManyGenerations]]:
    many = ManyGenerations(folder, ways, f"swap/{seed}")
    with _records_in(folder / "records"):
        async with running(many.first, folder, **options) as live:
            yield live, many


@contextmanager
def _records_in(folder: Path) -> Iterator[None]:
    """Keep what is noted of running chains away from this user's."""
    folder.mkdir(parents=True)
    before = os.environ.get(ENVIRONMENT)
    os.environ[ENVIRONMENT] = str(folder)
    try:
        yield
    finally:
        del os.environ[ENVIRONMENT]
        if before is not None:
            os.environ[ENVIRONMENT] = before


def config_of(node: NodeProcess) -> Path:
    """The configuration that a node was started with."""
    return node.log.with_suffix(".yaml")


def exit_status(node: NodeProcess) -> int | None:
    """How its last life ended."""
    process = node._process
    return process.returncode if process is not None else None


def _tell(config: Path, chain: Path) -> None:
    """Write another chain into a node's configuration."""
    told = parse(NodeConfig, config.read_text(), file=str(config))
    config.write_text(render(told.model_copy(update={"chain": str(chain)})))


async def _until(condition: Callable[[], bool], within: float) -> bool:
    end = now() + within
    while not condition():
        if now() > end:
            return False
        await asyncio.sleep(0.005)
    return True
