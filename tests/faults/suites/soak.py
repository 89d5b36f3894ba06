"""100,000 requests: nothing grows, and everything that was taken is given back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from edgechain.client.chain import Chain
from edgechain.client.results import Result
from tests.faults.hash_chain import LINE, Options, write_chain
from tests.faults.load import Asker
from tests.faults.running import RunningChain, running
from tests.faults.soaking import CLIENT, DEADLINE, Soak, Soaked, small_ledger
from tests.faults.suite import Report, Row, Silent, Suite, control, in_a_folder, times

REQUESTS = 100_000
WARM_UP = 10_000
LEAST_WARM_UP = 2_000
LEAKED = 1_000
"""Requests of the control, and what they leave behind with each, in bytes."""
LEAK_BYTES = 4096

MOST_MEGABYTES = 1.0
COUNTED = "tests.faults.counted_node"


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    warm_up = max(LEAST_WARM_UP, times(WARM_UP, scale))
    report.say(f"{warm_up} requests to warm up, then {times(REQUESTS, scale)}")
    async with _asked(folder / "soak") as (live, client):
        asker = Asker(client, live.chain, small_ledger(live), DEADLINE)
        soaked = await Soak(live, asker, report).run(warm_up, times(REQUESTS, scale))
    report.say("controls")
    return [*_judge(soaked), *await _leaking(folder / "leaking")]


@asynccontextmanager
async def _asked(folder: Path, **options: Options) -> AsyncIterator[tuple[RunningChain, Chain]]:
    chain = write_chain(folder / "chain", LINE, width=LEAK_BYTES, options=options)
    async with running(chain, folder, module=COUNTED) as live, live.connect() as client:
        yield live, client


def _judge(soaked: Soaked) -> list[Row]:
    account, growth = soaked.account, soaked.growth
    test = f"{account.submitted} requests"
    most = max(growth, key=lambda name: growth[name])
    left = ", ".join(f"{more} more {name}" for name, more in soaked.left.items())
    everything = f"all {len(soaked.before.counts)} counts as before"
    return [
        Row(
            test,
            "every one has its result",
            f"{account}, {soaked.rate:.0f} a second",
            account.faults == 0 and account.right == account.submitted,
        ),
        Row(
            test,
            f"no process grows by more than {MOST_MEGABYTES:g} MB",
            f"most: {most}, {growth[most]:+.2f} MB",
            growth[most] <= MOST_MEGABYTES,
        ),
        Row(test, "tasks, descriptors, threads, slots are back", left or everything, not left),
    ]


# Controls ----------------------------------------------------------------------------------------


class _Keeper(Chain):
    """A client that keeps every result it was ever given."""

    def __init__(self, chain: Chain):
        self.__dict__ = chain.__dict__
        self.kept: list[Result] = []

    async def infer(self, *args: object, **kwargs: object) -> Result:
        """Ask, and keep."""
        result = await super().infer(*args, **kwargs)  # type: ignore[arg-type]
        self.kept.append(result)
        return result


async def _leaking(folder: Path) -> list[Row]:
    """A stage and a client that keep something with every request, and one that stays."""
    async with _asked(folder, last={"leaks": LEAK_BYTES}) as (live, client):
        asker = Asker(_Keeper(client), live.chain, small_ledger(live), DEADLINE)
        soak = Soak(live, asker, Silent())
        before = await soak.run(LEAKED, LEAKED)
        async with live.connect():
            after = await soak.look()
    soaked = Soaked(before.account, before.before, after, before.rate)
    grown = {name for name, megabytes in soaked.growth.items() if megabytes > MOST_MEGABYTES}
    left = soaked.left
    held = [w for w in ("tasks", "descriptors") if any(name.startswith(w) for name in left)]
    return [
        control(
            f"a client that keeps {LEAK_BYTES} bytes a request",
            "the client grows",
            f"{soaked.growth[CLIENT]:+.2f} MB",
            CLIENT in grown,
        ),
        control(
            f"a stage that keeps {LEAK_BYTES} bytes a request",
            "a process of its node grows",
            f"{', '.join(sorted(grown - {CLIENT})) or 'none'} grew",
            any(name.startswith("last-1") for name in grown),
        ),
        control(
            "a client that stays",
            "tasks and descriptors are not back",
            f"{sum(left.values())} too many, {' and '.join(held) or 'neither'} among them",
            len(held) == 2,
        ),
    ]


SUITE = Suite("soak", "100,000 requests, real processes", partial(in_a_folder, _run))
