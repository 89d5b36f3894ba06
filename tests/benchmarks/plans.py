"""The planner on large problems: how long a placement takes, and whether it is proved the best.

Every call gets a problem that nobody has asked anything yet. The control is the dynamic programme
of the textbooks: it has to find the same, and takes longer than the planner may.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from edgechain.plan.place import place
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem
from tests.benchmarks.figures import median
from tests.benchmarks.problems import KINDS, Shape, problem
from tests.benchmarks.settings import Counts
from tests.benchmarks.table import Table
from tests.plan.check import same_number
from tests.plan.textbook import textbook

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """Problems of one size, and how long a placement may take."""

    title: str
    shape: Shape
    most_seconds: float
    turns: int
    """Calls for each problem in a round."""


ROW = Case("273 units in a row, 4 devices", Shape(273, 4), 5e-3, 5)
LINKED_ROW = Case("250 in a row, 6 devices, links", Shape(250, 6, linked=True), 1.0, 1)
CASES = (
    ROW,
    Case("60 units in a row, 8 devices", Shape(60, 8), 0.1, 2),
    LINKED_ROW,
    Case("250 in a net, 6 devices, links", Shape(250, 6, linked=True, branched=True), 1.0, 1),
)
CONTROLLED = (ROW, LINKED_ROW)
"""Those that a textbook's programme is asked about too."""

HEAD = (
    *("", "objective", "problems", "calls", "median ms", "slowest", "worst", "limit"),
    *("exact", "gap", "split"),
)
NOTES = (
    "median: of all calls; slowest: the median of the problem that takes longest; worst: a call",
    "exact: proved the best; gap: how far the worst may be from it; split: on several devices",
    "seeded problems of several kinds:",
    *(f"  {kind}: {what}" for kind, what in KINDS.items()),
)


@dataclass(slots=True)
class Answers:
    """What was answered to one problem: an entry a call."""

    seconds: list[float] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)


@dataclass(slots=True)
class Series:
    """One case and one objective: answers by the problem's name."""

    answers: dict[str, Answers] = field(default_factory=dict)

    @property
    def seconds(self) -> list[float]:
        """Of every call."""
        return list(itertools.chain.from_iterable(a.seconds for a in self.answers.values()))

    @property
    def slowest(self) -> float:
        """The median of the problem that takes longest."""
        return max(median(answers.seconds) for answers in self.answers.values())

    @property
    def placements(self) -> list[Placement]:
        """Every one that was found."""
        return list(itertools.chain.from_iterable(a.placements for a in self.answers.values()))

    @property
    def exact(self) -> int:
        """How many problems have a placement that is always proved the best."""
        return sum(all(p.is_exact for p in a.placements) for a in self.answers.values())

    @property
    def gap(self) -> float:
        """How far the worst placement may be from the best."""
        return max(placement.gap for placement in self.placements)

    def keeps(self, case: Case) -> bool:
        """Whether every problem is answered in time, and with a proof where it is a row."""
        proved = case.shape.branched or self.exact == len(self.answers)
        return proved and self.slowest <= case.most_seconds


@dataclass(slots=True)
class Control:
    """What the textbook took for some of a case's problems, and whether it found the same."""

    seconds: list[float] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class PlanReport:
    """Every case by objective, and the textbook's."""

    series: Mapping[tuple[Case, Objective], Series]
    controls: Mapping[Case, Control]

    def table(self) -> Table:
        """All of it for people."""
        rows = [self._row(case, objective) for case, objective in self.series]
        rows += [self._control_row(case) for case in self.controls]
        return Table(
            "The planner: a placement of a problem that it has not seen, one process, pure Python",
            HEAD,
            rows,
            NOTES,
            frozenset({0, 1}),
        )

    def _row(self, case: Case, objective: Objective) -> tuple[str, ...]:
        series = self.series[case, objective]
        count = len(series.answers)
        return (
            case.title,
            objective.value,
            f"{count}",
            f"{len(series.seconds)}",
            f"{median(series.seconds) * 1e3:.2f}",
            f"{series.slowest * 1e3:.2f}",
            f"{max(series.seconds) * 1e3:.2f}",
            f"{case.most_seconds * 1e3:g}",
            f"{series.exact}/{count}",
            f"{series.gap:.1%}",
            f"{sum(a.placements[-1].is_split for a in series.answers.values())}/{count}",
        )

    def _control_row(self, case: Case) -> tuple[str, ...]:
        control = self.controls[case]
        middle, worst = median(control.seconds) * 1e3, max(control.seconds) * 1e3
        return (
            f"control: textbook, {case.shape.units} in a row",
            "both",
            *("", f"{len(control.seconds)}"),
            *(f"{middle:.2f}", "", f"{worst:.2f}", f"{case.most_seconds * 1e3:g}"),
            *("", "", ""),
        )

    def document(self) -> dict[str, object]:
        """As JSON types: milliseconds by case, objective and problem."""
        return {
            "kinds": dict(KINDS),
            "cases": [
                {
                    "case": case.title,
                    "objective": objective.value,
                    "limit_ms": case.most_seconds * 1e3,
                    "exact": series.exact,
                    "gap": series.gap,
                    "ms": {
                        name: [seconds * 1e3 for seconds in answers.seconds]
                        for name, answers in series.answers.items()
                    },
                }
                for (case, objective), series in self.series.items()
            ],
            "textbook_ms": {
                case.title: [seconds * 1e3 for seconds in control.seconds]
                for case, control in self.controls.items()
            },
        }


class PlanBench:
    """Places every problem; ``round`` adds one round."""

    def __init__(self, counts: Counts):
        self._counts = counts
        self._rounds = 0
        self._problems = {case: list(_problems(case, counts)) for case in CASES}
        self.report = PlanReport(
            {(case, objective): Series() for case in CASES for objective in Objective},
            {case: Control() for case in CONTROLLED[: counts.plan_controls]},
        )

    def round(self) -> None:
        """Every problem once or a few times; nets not in every round."""
        for (case, objective), series in self.report.series.items():
            if not case.shape.branched or self._rounds < self._counts.net_rounds:
                for one in self._problems[case]:
                    answers = series.answers.setdefault(one.name, Answers())
                    _ask(one, objective, case.turns, answers)
        for case, control in self.report.controls.items():
            self._compare(case, control)
        self._rounds += 1

    def _compare(self, case: Case, control: Control) -> None:
        """One of the case's problems for the textbook; another one each round."""
        objective = list(Objective)[self._rounds % len(Objective)]
        one = self._problems[case][self._rounds % len(self._problems[case])]
        seconds, best = _timed(partial(textbook, one, objective))
        placement = self.report.series[case, objective].answers[one.name].placements[-1]
        control.seconds.append(seconds)
        control.same.append(same_number(best, placement.score.value(objective)))


def _problems(case: Case, counts: Counts) -> Iterator[Problem]:
    for kind in list(KINDS)[: counts.plan_kinds]:
        for seed in range(1 if case.shape.branched else counts.plan_seeds):
            yield problem(case.shape, kind, seed)


def _ask(one: Problem, objective: Objective, turns: int, answers: Answers) -> None:
    for _ in range(turns):
        new = replace(one)  # what was worked out for the last call is not known to this one
        seconds, placement = _timed(partial(place, new, objective))
        answers.seconds.append(seconds)
        answers.placements.append(placement)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came of it; nobody else's garbage is collected meanwhile."""
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
