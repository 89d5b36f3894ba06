"""``make faults``: break what can break, and print in one table whether the promise held.

Exit status 1 when a row fails, when a control does not, and when a suite cannot run here.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import TextIO

from tests.faults.catalogue import load, names
from tests.faults.outcome import SuiteOutcome, document, table
from tests.faults.suite import Report, Skipped, Suite

Load = Callable[[str], Suite]

STEPS = 10
"""Lines a part may say of its progress where no terminal shows a bar."""

BAR = 32

INTERRUPTED = 130
"""What a shell says of a command that Ctrl-C ended."""


class Screen:
    """Progress on standard error: a bar on a terminal, else a line now and then."""

    def __init__(self, name: str, out: TextIO):
        self._name, self._out = name, out
        self._is_terminal = out.isatty()
        self._step = 0

    def say(self, text: str) -> None:
        """One line."""
        self._step = 0
        self._write(f"{self._name}: {text}\n")

    def progress(self, done: int, total: int) -> None:
        """The bar, or a line when another tenth is done."""
        step = STEPS * done // max(total, 1)
        if self._is_terminal:
            filled = "█" * (BAR * done // max(total, 1))
            end = "\n" if done >= total else ""
            self._write(f"{self._name}: {filled:░<{BAR}} {done}/{total}{end}")
        elif step > self._step:
            self._step = step
            self._write(f"{self._name}: {done} of {total}\n")

    def _write(self, text: str) -> None:
        self._out.write(f"\r\x1b[K{text}" if self._is_terminal else text)
        self._out.flush()


def run_suite(name: str, scale: float, report: Report, load: Load = load) -> SuiteOutcome:
    """One suite from its import to its rows; what breaks it does not break the others."""
    title, start = "", time.perf_counter()
    try:
        suite = load(name)
        title = suite.title
        report.say(title)
        rows = tuple(suite.run(scale, report))
    except Skipped as error:
        return SuiteOutcome(name, title, time.perf_counter() - start, skipped=str(error))
    except Exception as error:  # the other suites still have something to say
        traceback.print_exc()
        broken = f"{type(error).__name__}: {error}".splitlines()[0]
        return SuiteOutcome(name, title, time.perf_counter() - start, broken=broken)
    return SuiteOutcome(name, title, time.perf_counter() - start, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run suites and print; the exit status."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it comments every process that is started
    outcomes: list[SuiteOutcome] = []
    try:
        for name in options.only or names():
            outcome = run_suite(name, options.scale, Screen(name, sys.stderr))
            outcomes.append(outcome)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; this is what is known so far\n")
        _print(outcomes, options)
        return INTERRUPTED
    _print(outcomes, options)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _print(outcomes: Sequence[SuiteOutcome], options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(json.dumps(document(outcomes, options.scale), indent=1) + "\n")
    else:
        sys.stdout.write(table(outcomes, options.scale).text() + "\n")


def _scale(text: str) -> float:
    scale = float(text)
    if not 0 < scale < math.inf:
        raise argparse.ArgumentTypeError("more than 0")
    return scale


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=names(),
        metavar="SUITE",
        help=f"only this suite; may be given again; one of {', '.join(names())}",
    )
    parser.add_argument(
        "--scale", type=_scale, default=1.0, help="multiplies every count [default: 1]"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
