"""The real classes in virtual time, under whatever a network and its owners can do to them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.suite import Report, Row, Suite, control, times
from tests.simulation.many import Tally, first_caught, on_every_core, run_many
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import Outcome

SEEDS = 10_000
MUTANT_SEEDS = 500
"""A mutant that so many seeds do not notice is one that the simulator cannot see."""

LEAST_MUTANTS = 3


def run(scale: float, report: Report) -> Sequence[Row]:
    """Our code as it is, then each mutant of it until it is noticed."""
    return [_whole(times(SEEDS, scale), report), *_mutants(scale, report)]


def _whole(seeds: int, report: Report) -> Row:
    tally = Tally()
    for outcome in run_many(0, seeds):
        tally.add(outcome)
        report.progress(tally.seeds, seeds)
        if outcome.violations:
            for line in outcome.before if len(tally.broken) == 1 else ():
                report.say(line)
            report.say(f"seed {outcome.seed}: {outcome.violations[0]}")
    measured = (
        f"{len(tally.broken)} of {tally.seeds:,} seeds; {tally.requests:,} requests, "
        f"{tally.attempts:,} attempts, {tally.counts['Result']:,} results"
    )
    test = "crashes, stalls, partitions, swaps, loss, duplicates"
    return Row(test, "0 violations of the ledger", measured, not tally.broken)


def _mutants(scale: float, report: Report) -> list[Row]:
    names = list(MUTANTS)[: times(len(MUTANTS), min(1.0, scale), LEAST_MUTANTS)]
    report.say(f"{len(names)} mutants of our own code")
    rows = []
    for name, caught in zip(names, on_every_core(_caught, names, few=10), strict=True):
        rows.append(_row(name, caught))
        report.progress(len(rows), len(names))
    return rows


def _caught(name: str) -> Outcome | None:
    return first_caught(name, MUTANT_SEEDS)


def _row(name: str, caught: Outcome | None) -> Row:
    measured = "not noticed"
    if caught is not None:
        measured = f"seed {caught.seed}: {caught.violations[0]}"
    figure = f"noticed within {MUTANT_SEEDS} seeds"
    return control(f"mutant: {name}", figure, measured[:120], caught is not None)


SUITE = Suite("simulation", "the real classes in virtual time, and mutants of them", run)
