"""Interpreter workers are killed, stopped and made to hang; their daemon goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from edgechain.client.chain import Chain
from edgechain.errors import Poison, RequestError, Unavailable
from edgechain.runtime.restarts import LOST_AT_ONCE
from tests.benchmarks.figures import percentile
from tests.faults.breaking import Breaker, Broken, Victim
from tests.faults.hash_chain import LINE, HashChain, Options, write_chain
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, answered, loaded
from tests.faults.model_chain import ModelAsker, cut_whole
from tests.faults.processes import NODE
from tests.faults.running import RunningChain, running
from tests.faults.suite import Report, Row, Silent, Suite, control, in_a_folder, times

IDLE, RUNNING, STOPPED, HUNG, MODEL, WITHOUT_ZYGOTE = 75, 75, 50, 50, 50, 10
"""Workers at full scale; the first five are the 300."""

MOST_BACK = 0.1
SEED = 7

STAGE_SECONDS = 0.01
"""So long that a worker is killed in the middle of a run."""

IN_FLIGHT = 4
DEADLINE = 5.0
SHORT_DEADLINE = 0.8
"""Of requests that hang: until then somebody waits for them, and a run is not given up."""

MODEL_FILE = "mobilenet_v2_1.0_224_quant.tflite"
DEADLY = 1 << 40
"""The number of the request that ends its worker."""

POISONS = 20
ZYGOTES = 10
MOST_ZYGOTE_BACK = 3.0
UNJUDGED_SECONDS = 5.0


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    rows = await _hashing(folder / "hashing", scale, report)
    report.say(f"killed, {MODEL_FILE}")
    rows += await _model(folder / "model", times(MODEL, scale), report)
    report.say("controls")
    rows.append(await _without_zygote(folder / "no-zygote", times(WITHOUT_ZYGOTE, scale, 3)))
    rows.append(await _without_judgement(folder / "no-judgement"))
    return rows


# What is broken ----------------------------------------------------------------------------------


async def _hashing(folder: Path, scale: float, report: Report) -> list[Row]:
    """One chain lives through all of it."""
    flag = folder / "hangs"
    options: Options = {"hangs": str(flag), "deadly": DEADLY}
    async with _running(folder, options=options) as (live, client, ledger):
        asker = Asker(client, live.chain, ledger, DEADLINE)
        hasty = Asker(client, live.chain, ledger, SHORT_DEADLINE)
        victims = [Victim(node) for node in live.nodes.values()]
        breaker, last = Breaker(victims, SEED, report), Breaker(victims[1:], SEED, report)
        report.say(f"killed, seed {SEED}")
        idle = await breaker.idle(times(IDLE, scale), Victim.killed, asker)
        async with loaded(asker, in_flight=IN_FLIGHT):
            busy = await breaker.under_load(times(RUNNING, scale), Victim.killed, ledger)
        report.say("stopped, and never returning")
        async with loaded(hasty, in_flight=IN_FLIGHT):
            stopped = await breaker.under_load(times(STOPPED, scale), Victim.stopped, ledger)
            hung = await last.under_load(times(HUNG, scale), lambda v: v.hung(flag), ledger)
        report.say("a request that ends its workers; the zygote killed")
        async with loaded(asker, in_flight=2):
            poison = await _poison(client, live.chain, times(POISONS, scale, 2), ledger)
            zygotes = await breaker.under_load(times(ZYGOTES, scale), Victim.orphaned, ledger)
        rest = await _rest(client, live.chain, asker)
        same = all(victim.same_daemon for victim in victims)
    return [
        _timed("killed while idle", idle),
        _timed("killed in a run", busy),
        _timed("stopped (SIGSTOP)", stopped),
        _timed("that never return", hung),
        _timed_zygotes(zygotes),
        _replaced(idle, busy, stopped, hung, zygotes),
        poison,
        rest,
        *_ledger_rows("requests meanwhile", ledger.account()),
        Row("the daemons", "live on", "the same" if same else "others", same),
    ]


async def _model(folder: Path, count: int, report: Report) -> list[Row]:
    await asyncio.to_thread(folder.mkdir)
    chain = await asyncio.to_thread(cut_whole, MODEL_FILE, folder / "chain")
    async with running(chain, folder) as live, live.connect() as client:
        asker = ModelAsker(client, chain, DEADLINE)
        victims = [Victim(node) for node in live.nodes.values()]
        breaker = Breaker(victims, SEED, report)
        async with loaded(asker, in_flight=2):
            assert await answered(asker.ledger, 1, DEADLINE)
            broken = await breaker.under_load(count, Victim.killed, asker.ledger)
    return [
        _timed("killed in a run of MobileNetV2", broken),
        _replaced(broken),
        *_ledger_rows("requests of MobileNetV2 meanwhile", asker.ledger.account()),
    ]


async def _poison(client: Chain, chain: HashChain, count: int, ledger: Ledger) -> Row:
    """Other requests are under way, and are answered."""
    before, ends = ledger.account(), []
    for _ in range(count):
        ends.append(await _end_of(client, chain, DEADLY))
        assert await answered(ledger, 5, DEADLINE)
    poisoned = sum(isinstance(end, Poison) for end in ends)
    failed = ledger.account().failed - before.failed
    return Row(
        f"{count} requests that end two workers",
        "Poison, all others are answered",
        f"{poisoned} of {count} Poison, {failed} others failed",
        poisoned == count and not failed,
    )


async def _rest(client: Chain, chain: HashChain, asker: Asker) -> Row:
    """Nothing but requests that end their worker, then good ones."""
    ends: list[RequestError | None] = []
    while not isinstance(end := await _end_of(client, chain, DEADLY), Unavailable):
        ends.append(end)
        assert len(ends) < 2 * LOST_AT_ONCE, f"no rest after {ends}"
    start = time.monotonic()
    end = await _end_of(client, chain, DEADLY)
    refused = time.monotonic() - start
    async with loaded(asker, in_flight=1):
        back = await answered(asker.ledger, 1, DEADLINE)
    return Row(
        f"more than {LOST_AT_ONCE} workers in a row",
        "Unavailable within 1 s, then service again",
        f"{type(end).__name__} in {refused:.2f} s, {'' if back else 'not '}back",
        isinstance(end, Unavailable) and refused < 1 and back,
    )


async def _end_of(client: Chain, chain: HashChain, number: int) -> RequestError | None:
    try:
        await client.infer(chain.question(number), deadline=DEADLINE)
    except RequestError as error:
        return error
    return None


# Controls ----------------------------------------------------------------------------------------


async def _without_zygote(folder: Path, count: int) -> Row:
    with _crippled("zygote") as module:
        async with _running(folder, module=module) as (live, client, ledger):
            asker = Asker(client, live.chain, ledger, DEADLINE)
            victims = [Victim(node) for node in live.nodes.values()]
            broken = await Breaker(victims, SEED, Silent()).idle(count, Victim.killed, asker)
    p95 = percentile([broken.backs], 0.95)
    return control(
        "workers that are not forked from a zygote",
        f"p95 > {MOST_BACK * 1e3:.0f} ms",
        f"p95 {p95 * 1e3:.0f} ms of {count}",
        p95 > MOST_BACK,
    )


async def _without_judgement(folder: Path) -> Row:
    with _crippled("judgement") as module:
        async with _running(folder, module=module) as (live, client, ledger):
            victim = Victim(live.nodes["last-1"])
            await victim.look()
            async with loaded(Asker(client, live.chain, ledger, SHORT_DEADLINE), in_flight=2):
                os.kill(victim.pid, signal.SIGSTOP)
                replaced = await victim.replaced(UNJUDGED_SECONDS)
    return control(
        "a daemon that never calls a run hung",
        f"a stopped worker stays for {UNJUDGED_SECONDS:g} s",
        "it stayed" if replaced is None else replaced.reason,
        replaced is None,
    )


@contextmanager
def _crippled(what: str) -> Iterator[str]:
    os.environ["WITHOUT"] = what
    try:
        yield "tests.faults.crippled_node"
    finally:
        del os.environ["WITHOUT"]


# Chains, rows ------------------------------------------------------------------------------------


@asynccontextmanager
async def _running(
    folder: Path, options: Options | None = None, module: str = NODE
) -> AsyncIterator[tuple[RunningChain, Chain, Ledger]]:
    """Two nodes of one stage each; the ``options`` are the last stage's."""
    every: Options = {"seconds": STAGE_SECONDS}
    given = {"first": every, "last": {**every, **(options or {})}}
    chain = write_chain(folder / "chain", LINE, options=given)
    ledger = Ledger(chain.answer)
    async with running(chain, folder, module=module) as live, live.connect() as client:
        yield live, client, ledger
    ledger.give_up()


def _timed(test: str, broken: Broken) -> Row:
    p95 = percentile([broken.backs], 0.95) if broken.backs else 0.0
    longest = max(broken.backs, default=0.0)
    return Row(
        f"{broken.count} workers {test}",
        f"back within {MOST_BACK * 1e3:.0f} ms (p95)",
        f"p95 {p95 * 1e3:.0f} ms, longest {longest * 1e3:.0f} ms",
        0 < p95 <= MOST_BACK,
        is_timed=True,
    )


def _timed_zygotes(broken: Broken) -> Row:
    longest = max(broken.backs, default=0.0)
    return Row(
        f"{broken.count} zygotes killed, and with each its worker",
        f"back within {MOST_ZYGOTE_BACK:g} s",
        f"longest {longest:.2f} s",
        0 < longest <= MOST_ZYGOTE_BACK,
        is_timed=True,
    )


def _replaced(*found: Broken) -> Row:
    unnoticed, wrong = sum(one.unnoticed for one in found), sum(one.wrong for one in found)
    return Row(
        f"all {sum(one.count for one in found)} of them",
        "replaced, and the stage answers again",
        f"{unnoticed} were not replaced, after {wrong} nothing was answered",
        not unnoticed and not wrong,
    )


def _ledger_rows(test: str, account: Account) -> list[Row]:
    faults = account.faults - account.late
    return [
        Row(test, "0 lost, doubled, mixed", str(account), faults == 0),
        Row(test, "0 late", f"{account.late} late", account.late == 0, is_timed=True),
    ]


SUITE = Suite(
    "workers", "interpreter workers killed or hung, real nodes", partial(in_a_folder, _run)
)
