"""``SIGSTOP`` and ``SIGCONT`` of a random node under load, real processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import percentile
from tests.faults import crippled
from tests.faults.hash_chain import LINE, slow, write_chain
from tests.faults.ledger import Ledger
from tests.faults.load import Asker, answered, loaded, now
from tests.faults.processes import NodeProcess
from tests.faults.running import running
from tests.faults.sight import watched_fleets
from tests.faults.stopping import DEADLINE, Stops, stop_nodes
from tests.faults.suite import Report, Row, Suite, control, in_a_folder, times

STOPS = 100
MOST_NOTICE = 2.5
SEED = 5

UNJUDGED_SECONDS = 3.0
"""How long a client without a heartbeat is left to notice."""

HEARD_SECONDS = 1.0
"""Too short for the other nodes to notice."""

LONG_STAGE_SECONDS = 0.05
"""So long that a run is under way when its node is stopped."""


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    report.say(f"two replicas, seed {SEED}")
    stops = await stop_nodes(folder / "twins", times(STOPS, scale), SEED, report)
    for oddity in stops.oddities:
        report.say(oddity)
    report.say("controls")
    return [*_judge(stops), *await _without_heartbeat(folder / "no-heartbeat")]


def _judge(stops: Stops) -> list[Row]:
    long = [stop for stop in stops.stops if not stop.brief]
    test = f"{len(long)} stops, {len(stops.stops) - len(long)} brief ones"
    account = stops.account
    return [
        _notice(test, "by the client", [stop.noticed for stop in long]),
        _notice(test, "by every node that feeds it", [one for s in long for one in s.feeding]),
        Row(test, "0 lost, doubled, mixed, late", str(account), account.faults == 0),
        Row(
            test,
            "no late output of a zombie accepted",
            f"{stops.accepted} of {stops.zombies} ({account.share:.2%} results)",
            stops.accepted == 0,
        ),
        Row(test, "every node works again", f"{stops.missing} did not", stops.missing == 0),
    ]


def _notice(test: str, who: str, found: Sequence[float | None]) -> Row:
    seconds = [one for one in found if one is not None]
    unseen = len(found) - len(seconds)
    measured = f"{unseen} unnoticed"
    if seconds:
        half = percentile([seconds], 0.5)
        measured = f"p50 {half:.2f} s, longest {max(seconds):.2f} s, {measured}"
    good = not unseen and max(seconds, default=0.0) <= MOST_NOTICE
    return Row(test, f"noticed within {MOST_NOTICE:g} s {who}", measured, good, is_timed=not unseen)


async def _without_heartbeat(folder: Path) -> list[Row]:
    """A client that does not judge its peers, and waits as long as it takes.

    It does not notice, and what the node says after it went on is accepted.
    """
    chain = write_chain(folder / "chain", LINE, options=slow(LINE, LONG_STAGE_SECONDS))
    ledger = Ledger(chain.answer)
    with crippled.without_heartbeat(), crippled.without_retries(), watched_fleets() as sight:
        async with running(chain, folder) as live, live.connect() as client:
            node = live.nodes["first-1"]
            async with loaded(Asker(client, chain, ledger, DEADLINE), in_flight=4):
                await answered(ledger, 20, within=10.0)
                (pid,) = (stage.pid for stage in (await node.status()).stages)
                since, _ = await _stopped(node, UNJUDGED_SECONDS)
                noticed = sight.down.get(node.name)
                await answered(ledger, 20, within=10.0)
                span = await _stopped(node, HEARD_SECONDS)
                await answered(ledger, 20, within=10.0)
    runs = [run for end in ledger.ends for run in end.runs]
    accepted = sum(run.pid == pid and span[0] < run.seconds < span[1] for run in runs)
    return [
        control(
            "a client without heartbeat",
            f"nothing noticed in {UNJUDGED_SECONDS:g} s",
            "not noticed" if noticed is None else f"noticed after {noticed - since:.2f} s",
            noticed is None,
        ),
        control(
            "a client that gives nothing up",
            "late output accepted",
            f"{accepted} accepted",
            accepted > 0,
        ),
    ]


async def _stopped(node: NodeProcess, seconds: float) -> tuple[float, float]:
    """Stop a node for so long; from when to when it was."""
    node.signal(signal.SIGSTOP)
    since = now()
    await asyncio.sleep(seconds)
    node.signal(signal.SIGCONT)
    return since, now()


SUITE = Suite(
    "stop",
    "SIGSTOP and SIGCONT of a random node under load, real processes",
    partial(in_a_folder, _run),
)
