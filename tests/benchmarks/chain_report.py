"""What chains and the whole model did, side by side, and the bound no chain can pass. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.benchmarks.figures import bar, median, paired_ratio, percentile
from tests.benchmarks.settings import IN_FLIGHT, THREADS
from tests.benchmarks.table import Table

HEAD = (
    *("", "p50 ms", "p99 ms", "", "x whole", "alone"),
    *("frames/s", "x whole", "bound", "of bound", "cpu ms/frame", "x whole"),
)


@dataclass(slots=True)
class Series:
    """What one way of running a model did; one entry a round."""

    latencies: list[list[float]] = field(default_factory=list)
    """Seconds of every request, one at a time."""
    rates: list[float] = field(default_factory=list)
    """Frames a second."""
    costs: list[float] = field(default_factory=list)
    """Processor seconds a frame of every process that takes part, at full rate."""

    @property
    def medians(self) -> list[float]:
        """Seconds of each round's middle request."""
        return [median(seconds) for seconds in self.latencies]


@dataclass(frozen=True)
class ChainReport:
    """One model: the whole of it, and its chains by the number of stages."""

    model: str
    whole: Series
    threaded: Series
    """The whole model with a thread for every core: what one board would do instead."""
    chains: Mapping[int, Series]
    parts: Mapping[int, list[list[float]]]
    """Seconds of every stage alone in one process, a list for every run."""

    def bound(self, stages: int) -> float:
        """Frames a second that no chain of these stages can pass on this machine.

        The slowest stage alone, and all stages' work on all cores, with hops that cost nothing.
        """
        alone = self.alone(stages)
        return min(1 / max(alone), cores() / sum(alone))

    def alone(self, stages: int) -> list[float]:
        """Seconds of each stage of a chain by itself, in the manifest's order."""
        return [median(column) for column in zip(*self.parts[stages], strict=True)]

    def table(self) -> Table:
        """All of it for people."""
        largest = max(median(s.medians) for s in (self.whole, *self.chains.values()))
        ways = [
            (f"whole model, {THREADS} thread", self.whole, 0),
            (f"whole model, {cores()} threads", self.threaded, 0),
        ]
        ways += [(f"chain of {n} stages", series, n) for n, series in self.chains.items()]
        return Table(
            f"{self.model}: the whole model in a plain loop beside chains of it "
            f"(stages {THREADS} thread each, {IN_FLIGHT} frames under way)",
            HEAD,
            [self._row(name, series, stages, largest) for name, series, stages in ways],
            (
                "alone: the same stages one after the other in one process, no hops (ms a frame)",
                f"bound: frames/s if hops cost nothing, {cores()} cores for all processes",
                "cpu: nodes, workers and client together, while frames stream",
            ),
            frozenset({0, 3}),
        )

    def _row(self, name: str, series: Series, stages: int, largest: float) -> tuple[str, ...]:
        middle, rate = median(series.medians), median(series.rates)
        bound = self.bound(stages) if stages else 0.0
        return (
            name,
            f"{middle * 1e3:.2f}",
            f"{percentile(series.latencies, 0.99) * 1e3:.2f}",
            bar(middle, largest),
            f"{paired_ratio(series.medians, self.whole.medians):.2f}",
            f"{sum(self.alone(stages)) * 1e3:.2f}" if stages else "",
            f"{rate:.1f}",
            f"{paired_ratio(series.rates, self.whole.rates):.2f}",
            f"{bound:.1f}" if bound else "",
            f"{rate / bound:.0%}" if bound else "",
            f"{median(series.costs) * 1e3:.2f}",
            f"{paired_ratio(series.costs, self.whole.costs):.2f}",
        )

    def document(self) -> dict[str, object]:
        """As JSON types: milliseconds, frames a second, processor milliseconds a frame."""
        ways = {"whole": self.whole, "whole_threaded": self.threaded}
        ways |= {f"chain_{stages}": series for stages, series in self.chains.items()}
        return {
            "model": self.model,
            "stages_alone_ms": {
                str(stages): [value * 1e3 for value in self.alone(stages)] for stages in self.chains
            },
            "bounds_fps": {str(stages): self.bound(stages) for stages in self.chains},
            **{
                name: {
                    "p50_ms": [value * 1e3 for value in series.medians],
                    "p99_ms": percentile(series.latencies, 0.99) * 1e3,
                    "fps": series.rates,
                    "cpu_ms_per_frame": [value * 1e3 for value in series.costs],
                }
                for name, series in ways.items()
            },
        }


def cores() -> int:
    """Processors this program may use."""
    return len(os.sched_getaffinity(0))
