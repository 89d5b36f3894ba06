"""``kill -9`` of a random node under load, real processes."""

from __future__ import annotations

import math
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import percentile
from tests.faults import crippled
from tests.faults.hash_chain import LINE, Options, write_chain
from tests.faults.killing import DEADLINE, Killed, kill_replicas, kill_single
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker
from tests.faults.running import Discovery, RunningChain, running
from tests.faults.suite import Report, Row, Silent, Suite, control, in_a_folder, times

REPLICATED, STATIC, MDNS, WITHOUT_RETRIES, WITHOUT_HURRY = 200, 50, 50, 20, 3
"""Kills at full scale: with a second replica; without one, by how nodes find each other; and in
two controls."""

LEAST_SHARE = 0.995
MOST_GAP = 1.0
MOST_ERROR = 1.0
MOST_BACK = 3.0
MOST_EXTRA = 0.2
MOST_NOTICE = 0.25
"""The system closes a dead process's connections; only a busy machine takes that long."""

DOWN_SECONDS = 1.3
"""Longer than an error may take, so that requests begin and end while the node is gone."""

SEED = 3


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    report.say(f"two replicas, seed {SEED}")
    twins = await kill_replicas(folder / "twins", times(REPLICATED, scale), SEED, report)
    rows = _judge_twins(twins)
    _say_all(twins.oddities, report)
    counts: dict[Discovery, int] = {"static": STATIC, "mdns": MDNS}
    for how, count in counts.items():
        report.say(f"one replica, {how}, seed {SEED}")
        kills = times(count, scale)
        single = await kill_single(folder / how, kills, DOWN_SECONDS, how, SEED, report)
        rows += _judge_single(f"1 replica, {how}", single)
        _say_all(single.oddities, report)
    report.say("controls")
    rows.append(await _without_retries(folder / "no-retries", times(WITHOUT_RETRIES, scale, 4)))
    rows.append(await _without_hurry(folder / "no-hurry", times(WITHOUT_HURRY, scale)))
    rows.append(await _without_timer(folder / "no-timer"))
    rows.append(await _mixed_up(folder / "mixed"))
    return rows


def _say_all(oddities: Sequence[str], report: Report) -> None:
    for oddity in oddities:
        report.say(oddity)


def _judge_twins(killed: Killed) -> list[Row]:
    account, gap = killed.account, percentile([killed.gaps], 0.99)
    test = f"{killed.kills} kills, 2 replicas"
    share = f"{account.share:.2%}, {account.failed} errors"
    return [
        _ledger_row(test, account),
        Row(test, f"results >= {LEAST_SHARE:.1%}", share, account.share >= LEAST_SHARE),
        Row(
            test,
            f"p99 gap <= {MOST_GAP:g} s",
            f"p99 {gap:.3f} s, longest {max(killed.gaps):.3f} s",
            gap <= MOST_GAP,
            is_timed=True,
        ),
        Row(
            test,
            f"extra load <= {MOST_EXTRA:.0%}",
            f"{killed.extra:.2%} of the stages' runs",
            killed.extra <= MOST_EXTRA,
        ),
        _noticed(test, killed),
        _works_again(test, killed),
    ]


def _judge_single(what: str, killed: Killed) -> list[Row]:
    test = f"{killed.kills} kills, {what}"
    slowest, back = max(killed.errors, default=0.0), max(killed.backs)
    return [
        _ledger_row(test, killed.account),
        Row(
            test,
            f"typed error within {MOST_ERROR:g} s",
            f"{len(killed.errors)} errors, the slowest after {slowest:.3f} s",
            len(killed.errors) > 0 and slowest <= MOST_ERROR,
        ),
        Row(
            test,
            f"back within {MOST_BACK:g} s of the restart",
            f"p50 {percentile([killed.backs], 0.5):.2f} s, longest {back:.2f} s",
            back <= MOST_BACK,
            is_timed=True,
        ),
        _works_again(test, killed),
    ]


def _ledger_row(test: str, account: Account) -> Row:
    return Row(test, "0 lost, doubled, mixed, late", str(account), account.faults == 0)


def _noticed(test: str, killed: Killed) -> Row:
    longest = max(killed.notices, default=math.inf)
    return Row(
        test,
        f"a dead process is noticed within {MOST_NOTICE:g} s",
        f"p50 {percentile([killed.notices], 0.5):.3f} s, longest {longest:.3f} s",
        longest <= MOST_NOTICE,
        is_timed=True,
    )


def _works_again(test: str, killed: Killed) -> Row:
    return Row(test, "every node works again", f"{killed.missing} did not", killed.missing == 0)


# Controls ----------------------------------------------------------------------------------------


async def _without_retries(folder: Path, kills: int) -> Row:
    with crippled.without_retries():
        killed = await kill_replicas(folder, kills, SEED, Silent())
    share = killed.account.share
    measured = f"{share:.2%} after {killed.kills} kills"
    return control("no retries", f"results < {LEAST_SHARE:.1%}", measured, share < LEAST_SHARE)


async def _without_hurry(folder: Path, kills: int) -> Row:
    with crippled.without_fast_unavailable():
        killed = await kill_single(folder, kills, DOWN_SECONDS, "static", SEED, Silent())
    return control(
        "a stage without a node is waited for",
        f"an end after > {MOST_ERROR:g} s",
        f"the slowest of {killed.account.submitted} ended after {killed.slowest:.2f} s",
        killed.slowest > MOST_ERROR,
    )


async def _without_timer(folder: Path) -> Row:
    """The only node of a stage is stopped: for now nobody but the client's timer ends a request."""
    with crippled.without_deadline_timer():
        async with _asked(folder, deadline=0.3) as (live, asker):
            live.nodes["first-1"].signal(signal.SIGSTOP)
            await asker.ask()
    account = asker.ledger.account()
    seen = account.late + account.lost > 0
    return control("a client without its deadline timer", "late or lost", str(account), seen)


async def _mixed_up(folder: Path) -> Row:
    """A stage gives every second request the answer of the one before."""
    async with _asked(folder, deadline=DEADLINE, last={"mixes": True}) as (_, asker):
        for _ in range(10):
            await asker.ask()
    account = asker.ledger.account()
    test = "a stage that mixes its requests up"
    return control(test, "mixed or doubled", str(account), account.mixed + account.doubled > 0)


@asynccontextmanager
async def _asked(
    folder: Path, deadline: float, **options: Options
) -> AsyncIterator[tuple[RunningChain, Asker]]:
    chain = write_chain(folder / "chain", LINE, options=options)
    ledger = Ledger(chain.answer)
    async with running(chain, folder) as live, live.connect() as client:
        yield live, Asker(client, chain, ledger, deadline)
    ledger.give_up()


SUITE = Suite(
    "kill", "kill -9 of a random node under load, real processes", partial(in_a_folder, _run)
)
