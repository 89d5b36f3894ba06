"""What the promise costs: a chain beside the same chain without routes, credits and ledgers.

Both cut alike, on as many processes, over the same streams and the same workers, without TLS; and
beside them the chain as it is by default, with mutual TLS. The control is a client that dawdles.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edgechain.runtime.chain_files import load_manifest
from tests.benchmarks.chain_report import Series
from tests.benchmarks.chain_side.identity import write_identity
from tests.benchmarks.chains import CLIENT, WrongAnswer
from tests.benchmarks.child import Child
from tests.benchmarks.figures import median, paired_ratio, percentile
from tests.benchmarks.processor import processor_seconds
from tests.benchmarks.running import cut, running
from tests.benchmarks.settings import IN_FLIGHT, SIZES, Counts
from tests.benchmarks.table import Table

BARE, PROMISE, TLS, CONTROL = "bare", "promise", "tls", "control"
WAYS: Mapping[str, str] = {
    BARE: "without the promise",
    PROMISE: "as it is, insecure",
    TLS: "as it is, mutual TLS",
    CONTROL: "control: a client that dawdles",
}
STAGES = 3
HOPS = STAGES + 1
"""Ways over the wire: to the first stage, between them, and back."""

STRIDE = 7
"""From one order to the next; it has no factor in common with the 24 there are."""

DAWDLE_MS = 20
NOTHING = "0.8 MB"
"""How large a tensor is that is passed on where no stage does anything: an activation's size."""

BARE_NODE, BARE_CLIENT = "tests.benchmarks.bare.node", "tests.benchmarks.bare.client"
HEAD = (
    *("", "p50 ms", "p99 ms", "ms a hop", "requests/s"),
    *("x without", "cpu ms/request", "x without"),
)


@dataclass(frozen=True)
class PriceReport:
    """One chain in every way; a series each, one entry a round."""

    title: str
    series: Mapping[str, Series]

    def added_ms(self, way: str, to: str = BARE) -> float:
        """Milliseconds that a way adds to every hop: the median of the rounds' differences."""
        pairs = zip(self.series[way].medians, self.series[to].medians, strict=True)
        return median([ours - theirs for ours, theirs in pairs]) * 1e3 / HOPS

    def kept(self, way: str, to: str = BARE) -> float:
        """Which share of the other way's rate it keeps: the median of the rounds' ratios."""
        return paired_ratio(self.series[way].rates, self.series[to].rates)

    def table(self) -> Table:
        """All of it for people."""
        tls = f"{self.added_ms(TLS, PROMISE):.3f} ms a hop, x {self.kept(TLS, PROMISE):.2f} rate"
        return Table(
            f"The price of the promise: {self.title}, {STAGES} stages, {IN_FLIGHT} under way",
            HEAD,
            [self._row(way) for way in WAYS],
            (
                f"without: the same streams and workers, no routes, credits, ledgers ({HOPS} hops)",
                f"mutual TLS beside plaintext: {tls}",
            ),
        )

    def _row(self, way: str) -> tuple[str, ...]:
        series, bare = self.series[way], self.series[BARE]
        return (
            WAYS[way],
            f"{median(series.medians) * 1e3:.2f}",
            f"{percentile(series.latencies, 0.99) * 1e3:.2f}",
            f"{self.added_ms(way):+.3f}",
            f"{median(series.rates):.1f}",
            f"{self.kept(way):.2f}",
            f"{median(series.costs) * 1e3:.2f}",
            f"{paired_ratio(series.costs, bare.costs):.2f}",
        )

    def document(self) -> dict[str, object]:
        """As JSON types: milliseconds, requests a second, processor milliseconds a request."""
        return {
            "chain": self.title,
            "ways": {
                way: {
                    "p50_ms": [value * 1e3 for value in series.medians],
                    "p99_ms": percentile(series.latencies, 0.99) * 1e3,
                    "added_ms_a_hop": self.added_ms(way),
                    "rates": series.rates,
                    "share_of_rate": self.kept(way),
                    "cpu_ms": [value * 1e3 for value in series.costs],
                }
                for way, series in self.series.items()
            },
        }


@dataclass(frozen=True)
class _Ready:
    """A running chain's client, and every process that works for it."""

    client: Child
    pids: Sequence[int]


class PriceBench:
    """One chain's processes in every way. ``async with`` starts and ends them."""

    def __init__(self, model: str | None, counts: Counts, folder: Path, namespace: str):
        self._model = model
        self._counts = counts
        self._folder = folder / f"price-{model.partition('.')[0] if model else 'nothing'}"
        self._namespace = namespace
        self._ready: dict[str, _Ready] = {}
        self._stack = AsyncExitStack()
        self._rounds = 0
        title = model or f"stages that do nothing, {NOTHING}"
        self.report = PriceReport(title, {way: Series() for way in WAYS})

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._make)
        async with AsyncExitStack() as stack:
            prints = {way: await self._start(way, stack) for way in WAYS}
            if len(set(prints.values())) > 1:
                raise WrongAnswer(f"{self.report.title}: the ways do not answer alike")
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            for ready in self._ready.values():
                await ready.client.ask(what="leave")
        finally:
            await self._stack.aclose()

    def _make(self) -> None:
        if self._model is None:
            write_identity(self._folder, SIZES[NOTHING], STAGES)
        else:
            cut(self._model, STAGES, self._folder)

    async def _start(self, way: str, stack: AsyncExitStack) -> str:
        """Start a way; the fingerprint of its answer."""
        if way == BARE:
            return await self._start_bare(stack)
        words = (str(DAWDLE_MS),) if way == CONTROL else ()
        client = await stack.enter_async_context(Child(CLIENT, *words))
        name = f"{self._folder.name[:30]}-{way}".replace("_", "-")
        chain = await stack.enter_async_context(
            running(self._folder, name, self._namespace, insecure=way != TLS)
        )
        await client.ready()
        where = {"chain": name, "namespace": self._namespace, "insecure": way != TLS}
        answer = await client.ask(what="connect", **where)
        self._ready[way] = _Ready(client, (*chain.pids, client.pid))
        return str(answer["fingerprint"])

    async def _start_bare(self, stack: AsyncExitStack) -> str:
        folder = str(self._folder)
        names = list(load_manifest(self._folder).stage)
        nodes = {n: await stack.enter_async_context(Child(BARE_NODE, folder, n)) for n in names}
        client = await stack.enter_async_context(Child(BARE_CLIENT, folder))
        hellos = {name: await node.ready() for name, node in nodes.items()}
        ports = {name: hello["port"] for name, hello in hellos.items()}
        for node in nodes.values():
            await node.ask(ports=ports)
        await client.ready()
        answer = await client.ask(what="connect", ports=ports)
        pids = [pid for hello in hellos.values() for pid in (hello["pid"], hello["worker"])]
        self._ready[BARE] = _Ready(client, (*pids, client.pid))
        return str(answer["fingerprint"])

    async def round(self) -> None:
        """Every way once, each time in another order: what went before slows down or speeds up."""
        orders = tuple(itertools.permutations(WAYS))
        self._rounds += 1
        for way in orders[self._rounds * STRIDE % len(orders)]:
            await self._measure(way)

    async def _measure(self, way: str) -> None:
        ready, series = self._ready[way], self.report.series[way]
        count = self._counts.price_frames
        answer = await ready.client.ask(what="latency", count=self._counts.price_latency_frames)
        series.latencies.append(answer["seconds"])
        before = processor_seconds(ready.pids)
        answer = await ready.client.ask(what="throughput", count=count, in_flight=IN_FLIGHT)
        series.rates.append(count / answer["seconds"][0])
        series.costs.append((processor_seconds(ready.pids) - before) / count)
