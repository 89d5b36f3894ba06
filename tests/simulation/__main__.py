"""``python -m tests.simulation``: many seeds on every core, or one seed told event by event."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.simulation.many import Tally, run_many
from tests.simulation.mutants import MUTANTS, applied
from tests.simulation.run import Outcome, run_seed


def main() -> int:
    """Run and print; exit status 1 when the promise was broken."""
    options = _parser().parse_args()
    if options.seed is not None:
        with applied(options.mutant):
            return _one(options.seed, _say if options.trace else None)
    return _many(options)


def _one(seed: int, echo: Callable[[str], None] | None) -> int:
    outcome = run_seed(seed, echo)
    counts = ", ".join(f"{count} {name}" for name, count in outcome.counts.most_common())
    _say(f"seed {seed}: {outcome.requests} requests, {outcome.attempts} attempts: {counts}")
    if outcome.violations:
        _explain(outcome)
    return 1 if outcome.violations else 0


def _many(options: argparse.Namespace) -> int:
    tally, start = Tally(), time.perf_counter()
    for outcome in run_many(options.first, options.count, options.mutant, options.processes):
        tally.add(outcome)
        if outcome.violations:
            _explain(outcome)
            if options.mutant:
                break
        elif tally.seeds % 1000 == 0:
            _say(f"{tally}, {tally.seeds / (time.perf_counter() - start):.1f} seeds a second")
    _say(f"{tally} in {time.perf_counter() - start:.0f} s")
    return 1 if tally.broken else 0


def _explain(outcome: Outcome) -> None:
    for line in outcome.before:
        _say(f"    {line}")
    for violation in outcome.violations:
        _say(f"seed {outcome.seed}: {violation}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this seed")
    parser.add_argument("--trace", action="store_true", help="print every event of that seed")
    parser.add_argument("--first", type=int, default=0, help="where to begin [default: 0]")
    parser.add_argument("--count", type=int, default=1000, help="how many seeds [default: 1000]")
    parser.add_argument("--processes", type=int, help="[default: one for each core]")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break our code this way first")
    return parser


if __name__ == "__main__":
    sys.exit(main())
