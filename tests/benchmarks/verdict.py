"""The limits this product set itself, judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.spec.problem import Objective
from tests.benchmarks.figures import median
from tests.benchmarks.hop import HopReport
from tests.benchmarks.nodes import StartReport
from tests.benchmarks.plans import Case, PlanReport, Series
from tests.benchmarks.price import CONTROL, PROMISE, PriceReport
from tests.benchmarks.settings import SIZES
from tests.benchmarks.table import Table

MOST_MEGABYTES = 150.0
MOST_SECONDS = 2.0
"""A node with MobileNetV2 and its worker; ready from nothing. On an ordinary desktop machine."""


MOST_ADDED_MS = 0.2
LEAST_KEPT = 0.9
"""What leases, routes and books may add to every hop, and what they must leave of the rate."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit: what is asked, what was found, and whether that is good enough."""

    asked: str
    found: str
    passed: bool


def judge_hop(report: HopReport) -> list[Verdict]:
    """The hop beats unary at every size, in both respects; and the control does not."""
    verdicts = []
    for size in SIZES:
        trip, rate = report.speedups("hop", size)
        won = report.rounds_won("hop", size)
        rounds = len(report.series["hop", size].rates)
        for what, better, wins in (("round trip", trip, won[0]), ("rate", rate, won[1])):
            asked = f"the hop beats unary, {size} {what}"
            found = f"x {better:.2f}, {wins} of {rounds} rounds"
            verdicts.append(Verdict(asked, found, better > 1))
    loses = report.control_loses()
    verdicts.append(
        Verdict("control: a crippled hop loses", "it does" if loses else "it does not", loses)
    )
    return verdicts


def judge_price(report: PriceReport) -> list[Verdict]:
    """The promise is cheap, in both respects; and a client that dawdles is not."""
    added, kept = report.added_ms(PROMISE), report.kept(PROMISE)
    slow, left = report.added_ms(CONTROL), report.kept(CONTROL)
    loses = slow > MOST_ADDED_MS and left < LEAST_KEPT
    what = f"{report.title}: routes, credits and ledgers"
    return [
        Verdict(
            f"{what} add <= {MOST_ADDED_MS:g} ms a hop",
            f"{added:+.3f} ms",
            added <= MOST_ADDED_MS,
        ),
        Verdict(
            f"{what} cost <= {1 - LEAST_KEPT:.0%} of the rate", f"x {kept:.2f}", kept >= LEAST_KEPT
        ),
        Verdict(
            "control: a client that dawdles costs more",
            f"{slow:+.3f} ms, x {left:.2f}",
            loses,
        ),
    ]


def judge_start(report: StartReport) -> list[Verdict]:
    """Memory and time of a node with MobileNetV2, medians of the starts."""
    weight, ready = median(report.together), median(report.ready)
    return [
        Verdict(
            f"a node with MobileNetV2 with its worker < {MOST_MEGABYTES:g} MB",
            f"{weight:.1f} MB",
            weight < MOST_MEGABYTES,
        ),
        Verdict(f"ready within {MOST_SECONDS:g} s", f"{ready:.2f} s", ready <= MOST_SECONDS),
    ]


def judge_plans(report: PlanReport) -> list[Verdict]:
    """Rows for throughput in time and with a proof; what the textbook finds is the same, too late.

    Latency and nets are in the table; no time was promised for them.
    """
    verdicts = [
        _judge_case(case, objective, series)
        for (case, objective), series in report.series.items()
        if objective is Objective.THROUGHPUT and not case.shape.branched
    ]
    for case, control in report.controls.items():
        what = f"a textbook's programme, {case.title}"
        seconds = median(control.seconds)
        verdicts += [
            Verdict(
                f"{what}: the same",
                f"{sum(control.same)} of {len(control.same)} times",
                all(control.same),
            ),
            Verdict(
                f"control: {what}: too late",
                f"{seconds * 1e3:.0f} ms",
                seconds > case.most_seconds,
            ),
        ]
    return verdicts


def _judge_case(case: Case, objective: Objective, series: Series) -> Verdict:
    found = f"{median(series.seconds) * 1e3:.1f} ms, the slowest {series.slowest * 1e3:.1f} ms; "
    found += f"{series.exact} of {len(series.answers)} exact"
    return Verdict(
        f"{case.title}, {objective}: <= {case.most_seconds * 1e3:g} ms"
        + ("" if case.shape.branched else ", exact"),
        found + (f", gap <= {series.gap:.0%}" if series.gap else ""),
        series.keeps(case),
    )


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """The verdicts for people."""
    return Table(
        "Verdict",
        ("", "asked", "found"),
        [("PASS" if v.passed else "FAIL", v.asked, v.found) for v in verdicts],
        (),
        frozenset({0, 1}),
    )
