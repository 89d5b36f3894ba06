"""Hot swap and graceful stop under load, real processes."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import percentile
from tests.faults import crippled
from tests.faults.suite import Report, Row, Suite, control, in_a_folder, times
from tests.faults.swapping import end_under_load, span_generations, swap_under_load

SWAPS, STOPS, KILLS = 100, 50, 5
"""At full scale: swaps, graceful stops, and kills in the control of those."""

MOST_STOP = 6.0
"""Seconds: a node drains for at most five."""

SEED = 11
LAX_NODE = "tests.faults.lax_node"


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    """No request has a second attempt: neither a swap nor a graceful stop may need one."""
    with crippled.without_retries():
        rows = await _swaps(folder / "swaps", times(SWAPS, scale, 2), report)
        stops = (times(STOPS, scale, 2), times(KILLS, scale, 3))
        rows += await _stops(folder / "stops", *stops, report)
    rows.append(await _spanning(folder / "spanning"))
    return rows


async def _swaps(folder: Path, swaps: int, report: Report) -> list[Row]:
    report.say(f"swaps under load, 2 replicas, one attempt a request, seed {SEED}")
    swapped, restarted = await swap_under_load(folder, swaps, SEED, report)
    for oddity in (*swapped.oddities, *swapped.missing):
        report.say(oddity)
    account = swapped.account
    test = f"{swapped.swaps} swaps, 2 replicas"
    gaps = f"p50 {percentile([swapped.gaps], 0.5):.3f} s, longest {max(swapped.gaps):.3f} s"
    errors = f"{account.failed} of {account.submitted}; gaps between results: {gaps}"
    served = f"{len(swapped.answers)} gave answers, {len(swapped.missing)} swaps failed"
    return [
        Row(test, "0 lost, doubled, mixed, late", str(account), account.faults == 0),
        Row(test, "0 errors", errors, not account.failed),
        Row(test, "every generation serves", served, not swapped.missing),
        control("restart instead of swap", "errors", str(restarted), restarted.failed > 0),
    ]


async def _stops(folder: Path, stops: int, kills: int, report: Report) -> list[Row]:
    report.say(f"SIGTERM under load, 2 replicas, one attempt a request, seed {SEED}")
    signals = [(signal.SIGTERM, stops), (signal.SIGKILL, kills)]
    ended, killed = await end_under_load(folder, signals, SEED, report)
    account, test = ended.account, f"{ended.stops} SIGTERMs, 2 replicas"
    slowest = max(ended.seconds)
    statuses = ", ".join(f"{count} x {status}" for status, count in ended.statuses.items())
    seen = killed.account.failed > 0
    return [
        Row(test, "0 lost, doubled, mixed, late", str(account), account.faults == 0),
        Row(test, "0 errors", f"{account.failed} of {account.submitted}", not account.failed),
        Row(test, "exit status 0", statuses, set(ended.statuses) == {0}),
        Row(
            test,
            f"ended within {MOST_STOP:g} s",
            f"p50 {percentile([ended.seconds], 0.5):.2f} s, longest {slowest:.2f} s",
            slowest <= MOST_STOP,
            is_timed=True,
        ),
        control("SIGKILL instead of SIGTERM", "errors", str(killed.account), seen),
    ]


async def _spanning(folder: Path) -> Row:
    account = await span_generations(folder, LAX_NODE)
    test = "nodes that check no generation"
    return control(test, "mixed answers", str(account), account.mixed > 0)


SUITE = Suite(
    "swap", "hot swap and graceful stop under load, real processes", partial(in_a_folder, _run)
)
