"""The benchmark runs and shows every row; how fast anything is, it does not judge here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgechain.spec.plan import Placement, Score, Share
from edgechain.spec.problem import Objective
from tests.benchmarks.chain_report import Series as ChainSeries
from tests.benchmarks.hop import CONTENDERS, HopReport, Series
from tests.benchmarks.plans import CASES, ROW, Answers, Case, Control, PlanReport
from tests.benchmarks.plans import Series as PlanSeries
from tests.benchmarks.price import CONTROL, HOPS, PROMISE, WAYS, PriceReport
from tests.benchmarks.settings import QUICK, SIZES
from tests.benchmarks.verdict import judge_hop, judge_plans, judge_price
from tests.watch.needs import ROOT

PLANNED = sum(not case.shape.branched for case in CASES) + 2 * QUICK.plan_controls
VERDICTS = 12 + PLANNED
"""Round trip and rate at three sizes, the control, memory and start; what the promise adds to a
hop, what it costs of the rate, and its control; the planner with rows, and controls."""

pytestmark = [pytest.mark.processes, pytest.mark.models]


@pytest.mark.timeout(300)
@pytest.mark.benchmarks
def test_a_quick_run_prints_every_row() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    for model in QUICK.models:
        assert f"{model}: " in done.stdout
    wanted = ["whole model", *(f"chain of {stages} stages" for stages in QUICK.stages)]
    wanted += [f"{size:6}  {name} " for size in SIZES for name in CONTENDERS.values()]
    wanted += ["chain.infer, 1 kB", "ready (it listens)", "node, resident", "worker, resident"]
    for start in wanted:
        assert any(line.startswith(start) for line in lines), f"no row {start!r}: {done.stdout}"
    wanted = [f"The price of the promise: {m}" for m in (*QUICK.priced, "stages")]
    wanted += [f"{way}  " for way in WAYS.values()]
    wanted += [f"{case.title}  " for case in CASES]
    for start in wanted:
        assert any(line.startswith(start) for line in lines), f"no row {start!r}: {done.stdout}"
    assert sum(line.startswith(("PASS", "FAIL")) for line in lines) == VERDICTS
    assert "control: a crippled hop loses" in done.stdout
    assert done.stdout.count("mutual TLS beside plaintext: ") == 1 + len(QUICK.priced) + 1
    failed = any(line.startswith("FAIL") for line in lines)
    assert done.returncode == failed, "the exit status says what the verdict says"


def made(hop: float, control: float) -> HopReport:
    """Two rounds in which unary takes 1 s and gives 1 MB/s, and the two are so much better."""
    speed = {"hop": hop, "control": control}
    return HopReport(
        {
            (contender, size): Series(
                [[1 / speed.get(contender, 1.0)]] * 2, [speed.get(contender, 1.0)] * 2
            )
            for contender in CONTENDERS
            for size in SIZES
        }
    )


@pytest.mark.parametrize(("hop", "control", "passed"), [(2.0, 0.5, True), (0.9, 0.5, False)])
def test_a_hop_passes_when_it_beats_unary(hop: float, control: float, passed: bool) -> None:
    assert all(verdict.passed for verdict in judge_hop(made(hop, control))) == passed


def test_a_control_that_wins_fails_the_run() -> None:
    *_, control = judge_hop(made(2.0, 2.0))
    assert not control.passed


def priced(added_ms: float, kept: float, dawdled_ms: float) -> PriceReport:
    """Two rounds: without the promise 10 ms and 100 requests a second, with it so much less."""
    latencies = {PROMISE: added_ms * HOPS, CONTROL: dawdled_ms}
    rates = {PROMISE: kept, CONTROL: 10 / (10 + dawdled_ms)}
    return PriceReport(
        "made up",
        {
            way: ChainSeries(
                [[(10 + latencies.get(way, 0.0)) / 1e3]] * 2, [100 * rates.get(way, 1.0)] * 2
            )
            for way in WAYS
        },
    )


@pytest.mark.parametrize(
    ("added_ms", "kept", "dawdled_ms", "passed"),
    [
        (0.19, 0.91, 20.0, [True, True, True]),
        (0.21, 0.91, 20.0, [False, True, True]),
        (0.19, 0.89, 20.0, [True, False, True]),
        (0.19, 0.91, 0.0, [True, True, False]),
    ],
)
def test_the_price_of_the_promise_is_judged(
    added_ms: float, kept: float, dawdled_ms: float, passed: list[bool]
) -> None:
    report = priced(added_ms, kept, dawdled_ms)
    assert [verdict.passed for verdict in judge_price(report)] == passed


NET = CASES[-1]


def planned(case: Case, seconds: float, bound: float, textbook: float, same: bool) -> PlanReport:
    """Two problems of one case, one of them answered at once; and what the textbook did."""
    score = Score(1.0, 1.0, "made up")
    placement = Placement(Objective.THROUGHPUT, (Share(0, (0,), 1.0),), score, bound)
    answers = {
        "quick": Answers([0.0, 0.0], [placement] * 2),
        "slow": Answers([9.0, seconds, 0.0], [placement] * 3),
    }
    return PlanReport(
        {(case, Objective.THROUGHPUT): PlanSeries(answers)}, {case: Control([textbook], [same])}
    )


@pytest.mark.parametrize(
    ("case", "late", "bound", "textbook", "same", "passed"),
    [
        (ROW, 0.9, 1.0, 2.0, True, [True, True, True]),
        (ROW, 1.1, 1.0, 2.0, True, [False, True, True]),
        (ROW, 0.9, 0.9, 2.0, True, [False, True, True]),
        (NET, 1.1, 0.9, 2.0, True, [True, True]),
        (ROW, 0.9, 1.0, 2.0, False, [True, False, True]),
        (ROW, 0.9, 1.0, 0.9, True, [True, True, False]),
    ],
)
def test_the_planner_is_judged(
    case: Case, late: float, bound: float, textbook: float, same: bool, passed: list[bool]
) -> None:
    """The problem that takes longest counts, by its middle call; times in limits."""
    limit = case.most_seconds
    report = planned(case, late * limit, bound, textbook * limit, same)
    assert [verdict.passed for verdict in judge_plans(report)] == passed
    assert case.title in report.table().text()
