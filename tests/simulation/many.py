"""Many seeds on every core, and their sum."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

from tests.simulation.mutants import applied
from tests.simulation.run import Outcome, run_seed

FEW = 200
"""To start processes for fewer is not worth it."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


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
    return on_every_core(partial(_run_one, mutant), range(first, first + count), processes)


def _run_one(mutant: str | None, seed: int) -> Outcome:
    with applied(mutant):
        return run_seed(seed)


def first_caught(mutant: str, seeds: int) -> Outcome | None:
    """The first seed that notices a mutant, or ``None``."""
    for seed in range(seeds):
        outcome = _run_one(mutant, seed)
        if outcome.violations:
            return outcome
    return None


def on_every_core(
    work: Callable[[Item], Answer],
    items: Sequence[Item],
    processes: int | None = None,
    few: int = FEW,
) -> Iterator[Answer]:
    """The answers to many questions, in their order; a few are asked in this very process."""
    count = processes or len(os.sched_getaffinity(0))
    if count == 1 or len(items) < few:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pipes = []
        for share in (items[first::count] for first in range(count)):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_answer_all, args=(work, share, theirs))
            process.start()
            theirs.close()
            stack.callback(_end, process)
            stack.callback(ours.close)
            pipes.append(ours)
        for number in range(len(items)):
            yield pipes[number % count].recv()


def _answer_all(work: Callable[[Item], Answer], items: Sequence[Item], answers: Connection) -> None:
    for item in items:
        answers.send(work(item))


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join()
    process.close()
