"""One node: what it weighs with MobileNetV2, how soon it is ready, what it costs by itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.chain_side.identity import write_identity
from tests.benchmarks.chains import CLIENT
from tests.benchmarks.child import Child
from tests.benchmarks.figures import median, percentile
from tests.benchmarks.processor import (
    private_megabytes,
    processor_seconds,
    proportional_megabytes,
    resident_megabytes,
)
from tests.benchmarks.running import Running, cut, running
from tests.benchmarks.settings import IN_FLIGHT, MOBILENET, SIZES, Counts
from tests.benchmarks.table import Table

SMALL = "1 kB"


@dataclass(slots=True)
class StartReport:
    """Starts of a node with MobileNetV2 whole in one stage; one entry a start."""

    ready: list[float] = field(default_factory=list)
    """Seconds from before the process was started until it said that it listens."""
    answered: list[float] = field(default_factory=list)
    """Seconds from the same instant until a waiting client had its first answer."""
    node: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)
    """Resident 10^6 bytes after requests, shared pages in full."""
    zygote: list[float] = field(default_factory=list)
    """10^6 bytes of the process that workers are forked from, without what those share with it."""
    proportional: list[float] = field(default_factory=list)
    """All together in 10^6 bytes, a page shared by n processes counting 1/n."""

    @property
    def together(self) -> list[float]:
        """Resident 10^6 bytes of the node and its worker, and what the zygote adds."""
        return [sum(three) for three in zip(self.node, self.worker, self.zygote, strict=True)]

    def table(self) -> Table:
        """All of it for people."""
        rows = [
            ("ready (it listens)", f"{median(self.ready):.2f} s", f"{max(self.ready):.2f} s"),
            (
                "first answer to a waiting client",
                f"{median(self.answered):.2f} s",
                f"{max(self.answered):.2f} s",
            ),
            ("node, resident", f"{median(self.node):.1f} MB", f"{max(self.node):.1f} MB"),
            ("worker, resident", f"{median(self.worker):.1f} MB", f"{max(self.worker):.1f} MB"),
            ("zygote, not shared", f"{median(self.zygote):.1f} MB", f"{max(self.zygote):.1f} MB"),
            ("together", f"{median(self.together):.1f} MB", f"{max(self.together):.1f} MB"),
            (
                "together, shared pages divided",
                f"{median(self.proportional):.1f} MB",
                f"{max(self.proportional):.1f} MB",
            ),
        ]
        return Table(
            f"A node with MobileNetV2 whole in its worker ({len(self.ready)} starts)",
            ("", "median", "worst"),
            rows,
            ("times count from before the node's process exists",),
        )

    def document(self) -> dict[str, list[float]]:
        """As JSON types: seconds and 10^6 bytes."""
        return {
            "ready_seconds": self.ready,
            "first_answer_seconds": self.answered,
            "node_megabytes": self.node,
            "worker_megabytes": self.worker,
            "zygote_megabytes": self.zygote,
            "proportional_megabytes": self.proportional,
        }


@dataclass(slots=True)
class IdentityReport:
    """``chain.infer`` through one node whose stage is a Python actor that does nothing."""

    latencies: list[list[float]] = field(default_factory=list)
    """Seconds of every request, one at a time; a list a round."""
    rates: list[float] = field(default_factory=list)
    """Requests a second, several under way."""
    costs: list[tuple[float, float, float]] = field(default_factory=list)
    """Processor seconds a request of client, node and worker, one at a time."""

    def table(self) -> Table:
        """All of it for people."""
        middle = median(list(map(median, self.latencies)))
        late = percentile(self.latencies, 0.99)
        client, node, worker = (median(side) * 1e6 for side in zip(*self.costs, strict=True))
        row = (
            f"chain.infer, {SMALL}, one node",
            f"{middle * 1e3:.3f}",
            f"{late * 1e3:.3f}",
            f"{median(self.rates):.0f}",
            f"{client:.0f}",
            f"{node:.0f}",
            f"{worker:.0f}",
        )
        return Table(
            "A whole request through one node whose stage does nothing (for information)",
            ("", "p50 ms", "p99 ms", "requests/s", "client us", "node us", "worker us"),
            [row],
            ("us: processor microseconds a request, one at a time",),
        )

    def document(self) -> dict[str, object]:
        """As JSON types: milliseconds, requests a second, processor microseconds."""
        return {
            "p50_ms": [median(seconds) * 1e3 for seconds in self.latencies],
            "requests_per_second": self.rates,
            "client_node_worker_us": [[cost * 1e6 for cost in costs] for costs in self.costs],
        }


class StartBench:
    """Starts nodes, one after the other; each ends before the next begins."""

    def __init__(self, counts: Counts, folder: Path, namespace: str):
        self._counts = counts
        self._folder = folder / "one-stage"
        self._namespace = namespace
        self.report = StartReport()

    async def round(self) -> None:
        """One start, requests, and what they leave resident."""
        if not self._folder.is_dir():
            await asyncio.to_thread(cut, MOBILENET, 1, self._folder)
        async with Child(CLIENT) as client:
            await client.ready()  # its imports are not the node's time
            start = time.perf_counter()
            async with running(self._folder, "one-stage", self._namespace) as chain:
                await client.ask(what="connect", chain="one-stage", namespace=self._namespace)
                self.report.answered.append(time.perf_counter() - start)
                self.report.ready.append(chain.ready_seconds)
                frames = self._counts.throughput_frames
                await client.ask(what="throughput", count=frames, in_flight=IN_FLIGHT)
                self._weigh(chain)
                await client.ask(what="leave")

    def _weigh(self, chain: Running) -> None:
        self.report.node.append(sum(map(resident_megabytes, chain.nodes)))
        self.report.worker.append(sum(map(resident_megabytes, chain.workers)))
        self.report.zygote.append(sum(map(private_megabytes, chain.zygotes)))
        self.report.proportional.append(sum(map(proportional_megabytes, chain.pids)))


async def ask_identity(counts: Counts, folder: Path, namespace: str) -> IdentityReport:
    """Run the chain that does nothing and ask it."""
    report = IdentityReport()
    write_identity(folder / "identity", SIZES[SMALL])
    async with running(folder / "identity", "identity", namespace) as chain, Child(CLIENT) as child:
        await child.ready()
        await child.ask(what="connect", chain="identity", namespace=namespace)
        sides = ((child.pid,), chain.nodes, chain.workers)
        for _ in range(counts.rounds):
            count = counts.round_trips[0]
            before = [processor_seconds(pids) for pids in sides]
            answer = await child.ask(what="latency", count=count)
            used = [processor_seconds(pids) - b for pids, b in zip(sides, before, strict=True)]
            report.latencies.append(answer["seconds"])
            report.costs.append((used[0] / count, used[1] / count, used[2] / count))
            answer = await child.ask(what="throughput", count=count, in_flight=IN_FLIGHT)
            report.rates.append(count / answer["seconds"][0])
        await child.ask(what="leave")
    return report
