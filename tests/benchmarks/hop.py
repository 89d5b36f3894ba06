"""One hop beside plain unary calls and a raw socket: every contender in every round.

Each contender has a server process and a client process of its own for the whole run; one of
them works at a time. Contenders start each round in another order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from edgechain.security.identity import write_throwaway
from tests.benchmarks.child import Child
from tests.benchmarks.figures import bar, median, paired_ratio, percentile
from tests.benchmarks.processor import processor_seconds
from tests.benchmarks.settings import IN_FLIGHT, SIZES, Counts
from tests.benchmarks.table import Table

TLS = "hop-tls"
CONTENDERS: Mapping[str, str] = {
    "hop": "our hop",
    TLS: "our hop, mutual TLS",
    "unary": "grpc.aio unary",
    "unary-tuned": "unary, our allocator",
    "raw": "raw socket",
    "control": "control: crippled hop",
}
CONTROL = "control"
MODULE = "tests.benchmarks.wires"
HEAD = (
    *("size", "contender", "round trip ms", "p99", "", "x unary"),
    *("MB/s", "x unary", "send s/GB", "receive s/GB"),
)
LOSSES_EXPECTED = "loses, as it must"


@dataclass(slots=True)
class Series:
    """What one contender did at one size; one entry a round."""

    trips: list[list[float]] = field(default_factory=list)
    """Seconds of every round trip."""
    rates: list[float] = field(default_factory=list)
    """10^6 bytes a second one way, several tensors under way."""
    client_cost: list[float] = field(default_factory=list)
    server_cost: list[float] = field(default_factory=list)
    """Processor seconds for 10^9 bytes one way, while streaming."""

    @property
    def medians(self) -> list[float]:
        """Seconds of each round's middle round trip."""
        return [median(seconds) for seconds in self.trips]


@dataclass(frozen=True)
class HopReport:
    """Every contender at every size."""

    series: Mapping[tuple[str, str], Series]
    """By contender and name of the size."""

    def speedups(self, contender: str, size: str) -> tuple[float, float]:
        """How many times better than unary: round trip and rate, medians of paired rounds."""
        it, unary = self.series[contender, size], self.series["unary", size]
        return (
            paired_ratio(unary.medians, it.medians),
            paired_ratio(it.rates, unary.rates),
        )

    def rounds_won(self, contender: str, size: str) -> tuple[int, int]:
        """In how many rounds it was better than unary: round trip and rate."""
        it, unary = self.series[contender, size], self.series["unary", size]
        trips = zip(it.medians, unary.medians, strict=True)
        rates = zip(it.rates, unary.rates, strict=True)
        return sum(ours < theirs for ours, theirs in trips), sum(a > b for a, b in rates)

    def table(self) -> Table:
        """All of it for people."""
        return Table(
            "One hop: there and back one at a time; one way with "
            f"{IN_FLIGHT} tensors under way (median of rounds)",
            HEAD,
            [self._row(size, contender) for size in SIZES for contender in CONTENDERS],
            (
                "x unary: how many times better than unary, median of the rounds' ratios",
                "s/GB: processor seconds for 10^9 bytes one way, client and server process",
                f"mutual TLS beside plaintext: {self._tls()}",
                f"control: the same hop with chunks of 64 bytes to 6 kB; {self._control()}",
            ),
            frozenset({0, 1, 4}),
        )

    def _row(self, size: str, contender: str) -> tuple[str, ...]:
        series = self.series[contender, size]
        trip, rate = self.speedups(contender, size)
        middle = median(series.medians)
        others = [median(self.series[c, size].medians) for c in CONTENDERS if c != CONTROL]
        return (
            size,
            CONTENDERS[contender],
            f"{middle * 1e3:.3f}",
            f"{percentile(series.trips, 0.99) * 1e3:.3f}",
            bar(middle, max(others), 16),
            f"{trip:.2f}",
            f"{median(series.rates):.1f}",
            f"{rate:.2f}",
            f"{median(series.client_cost):.2f}",
            f"{median(series.server_cost):.2f}",
        )

    def _tls(self) -> str:
        """What is left of each size's rate, and how much longer its way there and back takes."""
        pairs = {size: (self.series[TLS, size], self.series["hop", size]) for size in SIZES}
        return ", ".join(
            f"{size} x {paired_ratio(tls.rates, plain.rates):.2f} rate, "
            f"x {paired_ratio(tls.medians, plain.medians):.2f} round trip"
            for size, (tls, plain) in pairs.items()
        )

    def control_loses(self) -> bool:
        """Whether the judgement notices a bad hop, at every size and in both respects."""
        return all(max(self.speedups(CONTROL, size)) < 1 for size in SIZES)

    def _control(self) -> str:
        return LOSSES_EXPECTED if self.control_loses() else "DOES NOT LOSE: the judge is blind"

    def document(self) -> list[dict[str, object]]:
        """As JSON types: seconds, MB/s and seconds per GB, one entry a contender and size."""
        return [
            {
                "size": size,
                "bytes": SIZES[size],
                "contender": contender,
                "round_trip_ms": [value * 1e3 for value in series.medians],
                "megabytes_per_second": series.rates,
                "client_seconds_per_gb": series.client_cost,
                "server_seconds_per_gb": series.server_cost,
                "times_unary": self.speedups(contender, size),
            }
            for (contender, size), series in self.series.items()
        ]


@dataclass(frozen=True)
class _Pair:
    """Both processes of a contender."""

    server: Child
    client: Child

    def cost(self) -> tuple[float, float]:
        return processor_seconds((self.client.pid,)), processor_seconds((self.server.pid,))


class HopBench:
    """The contenders' processes. ``async with`` starts and ends them; ``round`` adds one round."""

    def __init__(self, counts: Counts, folder: Path):
        self._counts = counts
        self._identities = folder / "identities"
        self._stack = AsyncExitStack()
        self._pairs: dict[str, _Pair] = {}
        self._rounds = 0
        self.report = HopReport({(c, s): Series() for c in CONTENDERS for s in SIZES})

    async def __aenter__(self) -> Self:
        write_throwaway(self._identities, "bench", ("server", "client"), "nobody")
        async with AsyncExitStack() as stack:
            servers = {
                contender: await stack.enter_async_context(self._side(contender, "server"))
                for contender in CONTENDERS
            }
            for contender, server in servers.items():
                port = str((await server.ready())["port"])
                client = await stack.enter_async_context(self._side(contender, "client", port))
                self._pairs[contender] = _Pair(server, client)
            for pair in self._pairs.values():
                await pair.client.ready()
                for size in SIZES.values():  # proves it, and warms everything up
                    await pair.client.ask(what="check", bytes=size, count=1)
            self._stack = stack.pop_all()
        return self

    def _side(self, contender: str, *words: str) -> Child:
        """A process of a contender; ``words`` begin with which side it is."""
        identity = self._identities / words[0] if contender == TLS else ""
        return Child(MODULE, contender, *words, "--identity", str(identity))

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def round(self) -> None:
        """Every contender at every size, once."""
        order = list(CONTENDERS)
        turn = self._rounds % len(order)
        self._rounds += 1
        for place, size in enumerate(SIZES):
            for contender in order[turn:] + order[:turn]:
                await self._measure(contender, size, place)

    async def _measure(self, contender: str, size: str, place: int) -> None:
        pair, series = self._pairs[contender], self.report.series[contender, size]
        share = self._counts.control_share if contender == CONTROL else 1
        trips = max(1, self._counts.round_trips[place] // share)
        answer = await pair.client.ask(what="round_trip", bytes=SIZES[size], count=trips)
        series.trips.append(answer["seconds"])
        tensors = max(1, self._counts.streamed[place] // share)
        before = pair.cost()
        answer = await pair.client.ask(what="stream", bytes=SIZES[size], count=tensors)
        client, server = _differences(before, pair.cost())
        volume = SIZES[size] * tensors
        series.rates.append(volume / 1e6 / answer["seconds"][0])
        series.client_cost.append(client / (volume / 1e9))
        series.server_cost.append(server / (volume / 1e9))


def _differences(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    return after[0] - before[0], after[1] - before[1]
