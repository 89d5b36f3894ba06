"""Predicted beside measured, judged. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from tests.benchmarks.table import Table
from tests.benchmarks.verdict import Verdict

LEAST_OF_PREDICTED = 0.9
MOST_OFF = 0.1
LEAST_EFFICIENCY = 0.9
JUDGED_BOARDS = 4

BY_RATIO = attrgetter("ratio")


@dataclass(frozen=True)
class Part:
    """What one board did. Seconds are its own for one request, as its quota stretches them."""

    board: str
    operators: str
    predicted: float
    spent: float
    """The processor's seconds of its node and worker, by its share of the processor."""
    computing: float
    """What is predicted of its operators alone."""
    worker: float
    """What was spent by its worker, which does nothing else."""
    busy: float
    """How much of its share of the processor it used while the chain was kept busy."""
    worker_mb: float
    """What its worker has of its own in memory, besides what one without a model has."""
    memory_mb: float | None
    """What it may have."""

    @property
    def fits(self) -> bool:
        """Whether the worker stays within what it may have."""
        return self.memory_mb is None or self.worker_mb <= self.memory_mb


@dataclass(frozen=True)
class Cell:
    """One model on one scene's boards."""

    scene: str
    model: str
    parts: Sequence[Part]
    predicted: float
    """Frames a second."""
    bound: float
    """Frames a second that no placement passes."""
    bare: float
    """What would be predicted if nodes cost nothing."""
    measured: float
    frames: int
    same_bits: bool
    """Whether the answers are the whole model's, to the last bit."""
    drift: float | None
    """How fast the machine was, beside when boards were profiled, if that is known."""
    limits: str
    swapped: float | None = None
    """What would be predicted with the profiles of each other's boards."""
    others: Sequence[Cell] = ()
    """The same in other rounds, where this is the middle one."""

    @property
    def machine(self) -> str:
        """The drift for people."""
        return "" if self.drift is None else f"{self.drift:.3f}"

    @property
    def ratio(self) -> float:
        """Measured over predicted."""
        return self.measured / self.predicted

    @property
    def ratios(self) -> str:
        """Those of all rounds, for people."""
        return " ".join(f"{cell.ratio:.2f}" for cell in sorted(self.rounds, key=BY_RATIO))

    @property
    def rounds(self) -> tuple[Cell, ...]:
        """This one and the others."""
        return (self, *self.others)

    @property
    def passed(self) -> bool:
        """Whether it is as fast as predicted, and in all rounds answers right within its memory."""
        return is_near(self.predicted, self.measured) and self.exact and self.keeps_memory

    @property
    def exact(self) -> bool:
        """Whether all rounds' answers were right."""
        return all(cell.same_bits for cell in self.rounds)

    @property
    def keeps_memory(self) -> bool:
        """Whether every worker of every round stays within its board's memory."""
        return not self.too_large

    @property
    def too_large(self) -> list[Part]:
        """What had more memory than it may, in any round."""
        return [part for cell in self.rounds for part in cell.parts if not part.fits]

    @property
    def plan(self) -> str:
        """Which board has which operators."""
        return ", ".join(f"{part.board} {part.operators}" for part in self.parts)


def middle(cells: Sequence[Cell]) -> Cell:
    """Of the rounds of one cell, an odd number, the one that measured the middle ratio."""
    ordered = sorted(cells, key=BY_RATIO)
    found = ordered.pop(len(ordered) // 2)
    return replace(found, others=tuple(ordered))


def is_near(predicted: float, measured: float) -> bool:
    """At least 90 % of what was predicted, and what was predicted within 10 % of it."""
    enough = measured >= LEAST_OF_PREDICTED * predicted
    return enough and abs(predicted - measured) <= MOST_OFF * measured


@dataclass(frozen=True)
class BoardsReport:
    """Every model on every scene's boards."""

    cells: Sequence[Cell]

    def tables(self) -> list[Table]:
        """Predicted beside measured, and every board's part in it."""
        head = (
            "model",
            "operators on each board",
            "predicted",
            "measured",
            "ratio",
            "rounds",
            "machine",
            "bits",
            "",
        )
        scenes = dict.fromkeys(cell.scene for cell in self.cells)
        return [
            Table(
                f"{scene}: frames/s with the best placement",
                head,
                [_row(cell) for cell in self.cells if cell.scene == scene],
                ("rounds: the ratios of all; the row is that of the middle one",),
                frozenset({0, 1, 5, 7, 8}),
            )
            for scene in scenes
        ]

    def verdicts(self) -> list[Verdict]:
        """Every cell, and controls that must not pass."""
        found = [
            Verdict(
                f"{cell.scene}, {cell.model}: measured and predicted within 10 %, equal bits",
                f"x {cell.ratio:.2f}"
                + ("" if cell.exact else ", OTHER BITS")
                + "".join(
                    f", {part.operators} has {part.worker_mb:.1f} MB of {part.memory_mb:.1f}"
                    for part in cell.too_large
                ),
                cell.passed,
            )
            for cell in self.cells
        ]
        return found + self._controls()

    def _controls(self) -> list[Verdict]:
        bare = [is_near(cell.bare, cell.measured) for cell in self.cells]
        swapped = [
            is_near(cell.swapped, cell.measured) for cell in self.cells if cell.swapped is not None
        ]
        found = [
            Verdict(
                "control: predictions without what nodes cost miss",
                f"{bare.count(False)} of {len(bare)} miss",
                bare.count(False) > sum(not cell.passed for cell in self.cells),
            )
        ]
        if swapped:
            missed = f"{swapped.count(False)} of {len(swapped)} miss"
            what = "control: predictions with each other's profiles miss"
            found.append(Verdict(what, missed, not any(swapped)))
        return found


def _row(cell: Cell) -> tuple[str, ...]:
    return (
        cell.model,
        cell.plan,
        f"{cell.predicted:.2f}",
        f"{cell.measured:.2f}",
        f"{cell.ratio:.3f}",
        cell.ratios,
        cell.machine,
        "same" if cell.exact else "OTHER",
        "PASS" if cell.passed else "FAIL",
    )


OPERATORS = ("operators ms", "worker ms", "ratio")


def parts_table(cells: Sequence[Cell]) -> Table:
    """Every board's part, to see where a prediction is off."""
    rows = [
        (f"{cell.scene}, {cell.model}" if not number else "", *_part_row(part))
        for cell in cells
        for number, part in enumerate(cell.parts)
    ]
    notes = (
        "ms a request, as long as they take with the board's share of the processor",
        "operators: those of them that are predicted of operators, and that the worker spent",
        "busy: how much of its share the board used",
        "worker: memory beyond that of one without a model, and what it may have",
    )
    head = (
        "",
        "board",
        "predicted ms",
        "spent ms",
        "ratio",
        *OPERATORS,
        "busy",
        "worker MB",
        "may",
    )
    return Table("Every board's part", head, rows, notes, frozenset({0, 1}))


def _part_row(part: Part) -> tuple[str, ...]:
    return (
        part.board,
        f"{part.predicted * 1e3:.1f}",
        f"{part.spent * 1e3:.1f}",
        f"{part.spent / part.predicted:.3f}",
        f"{part.computing * 1e3:.1f}",
        f"{part.worker * 1e3:.1f}",
        f"{part.worker / part.computing:.3f}",
        f"{part.busy:.0%}",
        f"{part.worker_mb:.1f}",
        "" if part.memory_mb is None else f"{part.memory_mb:.1f}",
    )


@dataclass(frozen=True)
class SpeedReport:
    """Models on ever more equal boards: cells by model, then by the number of boards."""

    cells: Mapping[str, Mapping[int, Cell]]

    def tables(self) -> list[Table]:
        """Speed-up beside the bound."""
        head = (
            "boards",
            "bound",
            "predicted",
            "measured",
            "speed-up",
            "of bound",
            "machine",
            "bits",
            "",
        )
        return [
            Table(
                f"{model}: frames/s on equal boards",
                head,
                [self._row(model, count) for count in by_count],
                (
                    "bound: what no placement passes: work, stages and bytes counted, links free",
                    "speed-up: beside one board, measured",
                    "machine: how fast it was, beside when boards were profiled",
                ),
                frozenset({0, 7, 8}),
            )
            for model, by_count in self.cells.items()
        ]

    def _row(self, model: str, count: int) -> tuple[str, ...]:
        cell = self.cells[model][count]
        return (
            str(count),
            f"{cell.bound:.2f}",
            f"{cell.predicted:.2f}",
            f"{cell.measured:.2f}",
            f"{self.speedup(model, count):.2f}",
            f"{self.efficiency(model, count):.3f}",
            cell.machine,
            "same" if cell.exact else "OTHER",
            "PASS" if cell.passed else "FAIL",
        )

    def speedup(self, model: str, count: int) -> float:
        """How many times as fast as one board."""
        return self.cells[model][count].measured / self.cells[model][1].measured

    def efficiency(self, model: str, count: int) -> float:
        """Measured over bound."""
        cell = self.cells[model][count]
        return cell.measured / cell.bound

    def verdicts(self) -> list[Verdict]:
        """Efficiency at four boards, and answers that are right."""
        found = []
        for model, by_count in self.cells.items():
            if JUDGED_BOARDS in by_count:
                share = self.efficiency(model, JUDGED_BOARDS)
                asked = f"{model}: {JUDGED_BOARDS} boards reach {LEAST_EFFICIENCY:g} of the bound"
                found.append(Verdict(asked, f"{share:.3f}", share >= LEAST_EFFICIENCY))
            exact = all(cell.exact for cell in by_count.values())
            found.append(Verdict(f"{model}: equal bits", "yes" if exact else "no", exact))
        return found
