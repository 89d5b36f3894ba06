"""A number of requests to a chain on boards, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figures import percentile
from tests.chain.bridges import Board
from tests.faults.boards import place, running_on
from tests.faults.hash_chain import LINE, write_chain
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, loaded
from tests.faults.sight import watched_fleets
from tests.faults.suite import Report

DEADLINE = 10.0
SLOTS = 64
IN_FLIGHT = 96
"""Of two replicas with 64 slots each: the network is to be the narrow place, not the slots."""

LOOK_SECONDS = 0.1


@dataclass
class Asked:
    """What became of them."""

    account: Account
    half: float
    """Seconds that half of the answers took at most."""
    longest: float
    streams: int
    """Streams of the client that were lost."""
    oddities: Sequence[str] = ()


async def ask_many(folder: Path, boards: Sequence[Board], requests: int, report: Report) -> Asked:
    """Two replicas of two stages, a board for each, and the client, who is here, on the last."""
    chain = write_chain(folder / "chain", LINE)
    ledger = Ledger(chain.answer)
    at = place(folder, chain, boards[:-1])
    with watched_fleets() as sight:
        async with running_on(at, chain, folder, slots=SLOTS) as live, live.connect() as client:
            asker = Asker(client, chain, ledger, DEADLINE)
            async with loaded(asker, in_flight=min(IN_FLIGHT, requests)) as lag:
                while (submitted := ledger.account().submitted) < requests:
                    report.progress(submitted, requests)
                    await asyncio.sleep(LOOK_SECONDS)
                report.say(f"our own loop was at most {lag() * 1000:.0f} ms late")
            streams = sight.losses
    seconds = [end.seconds for end in ledger.ends if not end.error] or [DEADLINE]
    half = percentile([seconds], 0.5)
    return Asked(ledger.account(), half, max(seconds), streams, ledger.oddities)
