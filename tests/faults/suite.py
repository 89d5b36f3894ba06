"""What a fault suite is: it breaks something on purpose and says in rows what held. Pure.

A suite is a module of ``tests/faults/suites`` that is named like it and holds one ``SUITE``::

    def run(scale: float, report: Report) -> Sequence[Row]:
        kills = times(300, scale)
        ...
        return [
            Row("kill -9 under load", "0 lost", f"{lost} lost of {asked}", lost == 0),
            control("retries switched off", "fewer than 99.5 %", f"{share:.1%}", share < 0.995),
        ]

    SUITE = Suite("kill", "kill -9 of a random node under load, real processes", run)

What was broken is repaired when ``run`` returns or raises: no process, namespace or file is left.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvloop


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was tried, the figure to reach, what was measured.

    A control is the same test with its protection taken away: it has ``passed`` when it was seen
    failing, for only then would the test have seen a fault. ``is_timed`` marks a figure in
    seconds that only a machine without other work can be held to: the short versions, which run
    beside other tests, show it and let it pass.
    """

    test: str
    figure: str
    measured: str
    passed: bool
    is_control: bool = False
    is_timed: bool = False


def control(test: str, figure: str, measured: str, seen_failing: bool) -> Row:
    """The row of a control; ``figure`` says how it has to fail."""
    return Row(test, figure, measured, seen_failing, is_control=True)


class Skipped(Exception):
    """This suite cannot run here, and why; it counts as not passed."""


class Report(Protocol):
    """Where a suite says how far it is; nothing of it is part of the table."""

    def say(self, text: str) -> None:
        """One line: what begins now, a seed, what was odd."""

    def progress(self, done: int, total: int) -> None:
        """How far the part that was said last is."""


class Silent:
    """A report that nobody reads."""

    def say(self, text: str) -> None:
        """Nothing."""

    def progress(self, done: int, total: int) -> None:
        """Nothing."""


Run = Callable[[float, Report], Sequence[Row]]
"""``scale`` is more than 0 and multiplies every count, see ``times``."""


InAFolder = Callable[[Path, float, Report], Coroutine[Any, Any, list[Row]]]


def in_a_folder(run: InAFolder, scale: float, report: Report) -> list[Row]:
    """What ``run`` finds, in a loop and a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="edgechain-faults-") as folder:
        rows: list[Row] = uvloop.run(run(Path(folder), scale, report))
    return rows


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite. ``run`` raises ``Skipped`` where the machine does not allow it."""

    name: str
    title: str
    run: Run


def times(count: int, scale: float, least: int = 1) -> int:
    """How often at this scale."""
    return max(least, round(count * scale))
