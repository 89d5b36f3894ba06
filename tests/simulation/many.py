"""Many seeds over several processes, and their sum."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.mutants import applied
from tests.simulation.run import Outcome, run_seed

AT_A_TIME = 4
"""Seeds that a process is given at once: a violation is heard of soon, and talk costs nothing."""


@dataclass
class Tally:
    """What the seeds came to together."""

    seeds: int = 0
    requests: int = 0
    attempts: int = 0
    events: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    broken: dict[int, list[str]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """One more seed."""
        self.seeds += 1
        self.requests += outcome.requests
        self.attempts += outcome.attempts
        self.events += outcome.events
        self.counts.update(outcome.counts)
        if outcome.violations:
            self.broken[outcome.seed] = outcome.violations

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in self.counts.most_common())
        return (
            f"{self.seeds} seeds, {len(self.broken)} with violations; {self.requests} requests, "
            f"{self.attempts} attempts, {self.events} events ({ends})"
        )


def run_many(
    first: int, count: int, mutant: str | None = None, processes: int | None = None
) -> Iterator[Outcome]:
    """The outcomes of seeds, in their order."""
    processes = processes or len(os.sched_getaffinity(0))
    seeds = range(first, first + count)
    if processes == 1:
        with applied(mutant):
            yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(partial(_run_one, mutant), seeds, AT_A_TIME)


def _run_one(mutant: str | None, seed: int) -> Outcome:
    with applied(mutant):
        return run_seed(seed)
