"""A slow stage and a greedy client: what the nodes weigh, and what another client feels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgechain.runtime.layout import lay_out
from tests.benchmarks.child import Answer, Child
from tests.benchmarks.figures import percentile
from tests.faults.hash_chain import LINE, Options, write_chain
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, loaded, now
from tests.faults.running import RunningChain, running
from tests.faults.suite import Report, Row, Suite, control, in_a_folder, times
from tests.faults.weighing import weigh_family, weighed

SLOW_SECONDS = 0.03
WIDTH = 1 << 20
"""Bytes of a tensor: an ordinary activation."""

SLOTS = 8
GREED = 1000
"""Requests the greedy client has under way at any time."""

ASKED = 250
"""Requests of the other client, one at a time: alone, then beside each greedy one."""

SPARE_MEGABYTES = 10.0
MOST_SLOWER = 2.0
DEADLINE = 10.0

WARM_UP = 10
CONTROL_ASKED = 60


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    asked = times(ASKED, scale, 30)
    report.say("beside a greedy client")
    lawful = await _compare(folder / "greedy", asked)
    report.say("beside one that keeps to no lease")
    lawless = await _compare(folder / "lawless", asked, lawless=True)
    report.say("controls")
    return [
        *_judge("greedy client", lawful),
        _slower("greedy client", lawful),
        *_judge("client that keeps to no lease", lawless),
        await _leaky(folder / "leaky"),
        await _one_queue(folder / "one-queue"),
    ]


@dataclass(frozen=True, slots=True)
class Felt:
    """What one client felt alone and beside another, and what the nodes weighed meanwhile."""

    alone: Sequence[float]
    beside: Sequence[float]
    account: Account
    growth: dict[str, float]
    """By node: the most megabytes above what it weighed with one request at a time."""
    bounds: dict[str, float]
    """By node: its slots."""
    greedy: Answer

    @property
    def slower(self) -> float:
        """The ratio of the two 99th percentiles."""
        return percentile([self.beside], 0.99) / percentile([self.alone], 0.99)

    @property
    def over(self) -> float:
        """By how many megabytes the worst node is above its bound."""
        return max(self.growth[name] - bound for name, bound in self.bounds.items())


async def _compare(
    folder: Path, asked: int, *, lawless: bool = False, leaks: int = 0, greed: int = GREED
) -> Felt:
    options: dict[str, Options] = {"last": {"seconds": SLOW_SECONDS, "leaks": leaks}}
    chain = write_chain(folder / "chain", LINE, width=WIDTH, options=options)
    ledger = Ledger(chain.answer)
    async with (
        Child("tests.faults.greedy_client", str(int(lawless))) as other,
        running(chain, folder, slots=SLOTS) as live,
        live.connect() as client,
    ):
        await other.ready()
        asker = Asker(client, chain, ledger, DEADLINE)
        await _ask(asker, WARM_UP)
        alone = await _ask(asker, asked)
        base = {name: weigh_family(node.pid) for name, node in live.nodes.items()}
        async with weighed(node.pid for node in live.nodes.values()) as peaks:
            await other.ask(what="ask", greed=greed, width=WIDTH, whereabouts=live.whereabouts())
            await _is_busy(live)
            beside = await _ask(asker, asked)
        came_to = await other.ask(what="leave")
    ledger.give_up()
    growth = {
        name: peak.megabytes - base[name] for name, peak in zip(live.nodes, peaks, strict=True)
    }
    return Felt(alone, beside, ledger.account(), growth, _bounds(live), came_to)


async def _ask(asker: Asker, count: int) -> list[float]:
    """One request after the other; how long each took."""
    found = []
    for _ in range(count):
        start = now()
        await asker.ask()
        found.append(now() - start)
    return found


async def _is_busy(live: RunningChain) -> None:
    """Wait until the greedy client has as many slots of the slow stage as it gets."""
    (node,) = live.replicas("last")
    end = now() + DEADLINE
    while (await node.status()).slots_in_use < SLOTS // 2:
        if now() > end:
            raise AssertionError("the greedy client keeps nobody busy")
        await asyncio.sleep(0.02)


def _bounds(live: RunningChain) -> dict[str, float]:
    manifest = live.chain.manifest
    return {
        name: SLOTS * lay_out(manifest, frozenset(node.stages)).slot_bytes / 1e6
        for name, node in live.nodes.items()
    }


def _judge(test: str, felt: Felt) -> list[Row]:
    most = max(felt.growth, key=lambda name: felt.growth[name] - felt.bounds[name])
    account = felt.account
    return [
        Row(
            f"memory beside a {test}",
            f"<= bound + {SPARE_MEGABYTES:g} MB",
            f"{most}: {felt.growth[most]:.1f} MB, the bound is {felt.bounds[most]:.1f} MB "
            f"({felt.greedy['answered']} answered, {felt.greedy['failed']} refused)",
            felt.over <= SPARE_MEGABYTES,
        ),
        Row(
            f"requests beside a {test}",
            "every one has its result",
            f"{account}, {account.right} results",
            account.faults == 0 and account.right == account.submitted,
        ),
    ]


def _slower(test: str, felt: Felt) -> Row:
    before, after = percentile([felt.alone], 0.99), percentile([felt.beside], 0.99)
    return Row(
        f"p99 beside a {test}",
        f"<= {MOST_SLOWER:g} x p99 alone",
        f"{after * 1000:.0f} ms, {felt.slower:.2f} x {before * 1000:.0f} ms",
        felt.slower <= MOST_SLOWER,
        is_timed=True,
    )


# Controls ----------------------------------------------------------------------------------------


async def _leaky(folder: Path) -> Row:
    felt = await _compare(folder, CONTROL_ASKED, leaks=WIDTH)
    return control(
        "a stage that keeps a megabyte a run",
        f"> bound + {SPARE_MEGABYTES:g} MB",
        f"{felt.over:.1f} MB above the bound",
        felt.over > SPARE_MEGABYTES,
    )


async def _one_queue(folder: Path) -> Row:
    """Both behind one connection: nothing tells the one's requests from the other's."""
    chain = write_chain(folder / "chain", LINE, options={"last": {"seconds": SLOW_SECONDS}})
    async with running(chain, folder, slots=SLOTS) as live, live.connect() as client:
        asker = Asker(client, chain, Ledger(chain.answer), DEADLINE)
        alone = await _ask(asker, CONTROL_ASKED)
        async with loaded(
            Asker(client, chain, Ledger(chain.answer), DEADLINE), in_flight=SLOTS * 4
        ):
            await _is_busy(live)
            beside = await _ask(asker, CONTROL_ASKED // 10)
    slower = percentile([beside], 0.99) / percentile([alone], 0.99)
    return control(
        "both clients in one queue",
        f"p99 > {MOST_SLOWER:g} x p99 alone",
        f"{slower:.2f} x",
        slower > MOST_SLOWER,
    )


SUITE = Suite(
    "greedy", "a slow stage and a greedy client, real processes", partial(in_a_folder, _run)
)
