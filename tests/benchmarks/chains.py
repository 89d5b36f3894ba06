"""Chains of several stages beside the whole model, in turns.

Everything of one model runs for its whole time and idles while another part is measured; the
chains and the whole model take turns in every round.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.benchmarks.chain_report import ChainReport, Series, cores
from tests.benchmarks.child import Child
from tests.benchmarks.processor import processor_seconds
from tests.benchmarks.running import Running, cut, running
from tests.benchmarks.settings import IN_FLIGHT, MODELS, THREADS, Counts

CLIENT = "tests.benchmarks.chain_side.client"
DIRECT = "tests.benchmarks.chain_side.direct"


class WrongAnswer(Exception):
    """A chain's answer is not the whole model's; its speed means nothing."""


@dataclass(frozen=True)
class _Ready:
    """A running chain and the client that asks it."""

    chain: Running
    client: Child

    @property
    def pids(self) -> tuple[int, ...]:
        return (*self.chain.pids, self.client.pid)


class ChainBench:
    """One model's processes. ``async with`` starts and ends them; ``round`` adds one round."""

    def __init__(self, model: str, counts: Counts, folder: Path, namespace: str):
        self._model = model
        self._counts = counts
        self._folder = folder / model.partition(".")[0]
        self._namespace = namespace
        self._stack = AsyncExitStack()
        self._direct: dict[int, Child] = {}
        self._ready: dict[int, _Ready] = {}
        self._rounds = 0
        stages = counts.stages
        self.report = ChainReport(
            model, Series(), Series(), {n: Series() for n in stages}, {n: [] for n in stages}
        )

    async def __aenter__(self) -> Self:
        self._folder.mkdir()
        async with AsyncExitStack() as stack:
            places = [
                await asyncio.to_thread(cut, self._model, n, self._folder / f"chain-{n}")
                for n in self._counts.stages
            ]
            model = str(MODELS / self._model)
            for threads in sorted({THREADS, cores()}):
                child = Child(DIRECT, str(threads), model, *map(str, places))
                self._direct[threads] = await stack.enter_async_context(child)
            for direct in self._direct.values():
                await direct.ready()
            for stages, place in zip(self._counts.stages, places, strict=True):
                self._ready[stages] = await self._start(stack, place)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            for ready in self._ready.values():
                await ready.client.ask(what="leave")
        finally:
            await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack, place: Path) -> _Ready:
        name = f"{self._folder.name[:20]}-{place.name}".replace("_", "-")
        client = await stack.enter_async_context(Child(CLIENT))
        chain = await stack.enter_async_context(running(place, name, self._namespace))
        await client.ready()
        answer = await client.ask(what="connect", chain=name, namespace=self._namespace)
        if answer["fingerprint"] != self._direct[THREADS].hello["fingerprint"]:
            raise WrongAnswer(f"{name} does not answer what {self._model} answers")
        return _Ready(chain, client)

    async def round(self) -> None:
        """The whole model and every chain, once; another one begins each time."""
        ways = [0, *self._counts.stages]
        turn = self._rounds % len(ways)
        self._rounds += 1
        for stages in ways[turn:] + ways[:turn]:
            if stages:
                await self._measure_chain(stages)
            else:
                await self._measure_whole(THREADS, self.report.whole)
                await self._measure_whole(cores(), self.report.threaded)

    async def _measure_whole(self, threads: int, series: Series) -> None:
        direct, count = self._direct[threads], self._counts.throughput_frames
        answer = await direct.ask(what="whole", count=self._counts.latency_frames)
        series.latencies.append(answer["seconds"])
        before, start = processor_seconds((direct.pid,)), time.perf_counter()
        await direct.ask(what="whole", count=count)
        series.rates.append(count / (time.perf_counter() - start))
        series.costs.append((processor_seconds((direct.pid,)) - before) / count)

    async def _measure_chain(self, stages: int) -> None:
        ready, series = self._ready[stages], self.report.chains[stages]
        count = self._counts.throughput_frames
        answer = await ready.client.ask(what="latency", count=self._counts.latency_frames)
        series.latencies.append(answer["seconds"])
        before = processor_seconds(ready.pids)
        answer = await ready.client.ask(what="throughput", count=count, in_flight=IN_FLIGHT)
        series.rates.append(count / answer["seconds"][0])
        series.costs.append((processor_seconds(ready.pids) - before) / count)
        direct = self._direct[THREADS]
        answer = await direct.ask(what="parts", stages=stages, count=self._counts.latency_frames)
        self.report.parts[stages].extend(answer["stages"])
