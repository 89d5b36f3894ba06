"""What the suites of one run came to, as a table for people and as JSON. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.table import Table
from tests.faults.suite import Row

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """One suite's rows; or why it has none."""

    name: str
    title: str
    seconds: float
    rows: Sequence[Row] = ()
    skipped: str = ""
    broken: str = ""
    """What ended the suite before it had an answer."""

    @property
    def passed(self) -> bool:
        """Whether it ran, held everything, and every control was seen failing."""
        return bool(self.rows) and all(row.passed for row in self.rows) and not self.broken

    def cells(self) -> list[Cells]:
        """Its lines in the table."""
        if self.skipped:
            return [("SKIP", self.name, self.title, "", f"skipped: {self.skipped}")]
        found = [_cells(self.name, row) for row in self.rows]
        if self.broken or not found:
            why = self.broken or "no row"
            found.append(("FAIL", self.name, self.title, "the suite runs to its end", why))
        return found


def _cells(name: str, row: Row) -> Cells:
    test = f"control: {row.test}" if row.is_control else row.test
    return ("PASS" if row.passed else "FAIL", name, test, row.figure, row.measured)


def table(outcomes: Sequence[SuiteOutcome], scale: float) -> Table:
    """All suites. A control passes when it was seen failing."""
    seconds = [f"{o.name} {o.seconds:.0f} s" for o in outcomes]
    return Table(
        f"Faults, scale {scale:g} (a control passes when it is seen failing)",
        ("", "suite", "test", "figure to reach", "measured"),
        [line for outcome in outcomes for line in outcome.cells()],
        ["took " + ", ".join(seconds)] if seconds else [],
        frozenset(range(5)),
    )


def document(outcomes: Sequence[SuiteOutcome], scale: float) -> dict[str, object]:
    """The same for scripts."""
    suites = [{**dataclasses.asdict(o), "passed": o.passed} for o in outcomes]
    return {"scale": scale, "suites": suites, "passed": all(o.passed for o in outcomes)}
