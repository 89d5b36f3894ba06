"""Many requests at once: every answer is its request's own, and nothing grows with them."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pytest

import edgechain
from edgechain.client.chain import Chain
from tests.chain import chains
from tests.chain.nodes import (
    NAMESPACE,
    READY_SECONDS,
    LiveNode,
    connected,
    nodes,
    processes,
    threads_of,
    until,
)
from tests.watch.house import no_blocking

pytestmark = pytest.mark.may_block  # starting and stopping touch files; ``ask_all`` must not

REQUESTS = 200

T = TypeVar("T", bound=Hashable)


class Gauge(Generic[T]):
    """The different values that something had while it was looked at."""

    def __init__(self, read: Callable[[], T]):
        self._read, self.seen = read, {read()}

    def look(self) -> None:
        self.seen.add(self._read())


async def ask_all(chain: Chain, gauges: list[Gauge[Any]]) -> None:
    """200 distinct requests at once, with a look at the gauges at every answer."""

    async def ask(number: int) -> None:
        x = chains.question(number)
        result = await chain.infer({"x": x}, deadline=60)
        for gauge in gauges:
            gauge.look()
        np.testing.assert_array_equal(result["y"], chains.five_answer(x))

    with no_blocking():
        async with asyncio.TaskGroup() as group:
            for number in range(REQUESTS):
                group.create_task(ask(number), name="our own question")


def tasks_of_the_house() -> frozenset[tuple[str, int]]:
    """How many tasks of which kind are on this loop.

    But for the test's own questions, and for what others on the network say: a node that somebody
    else starts while we look is resolved too, in a task of its own.
    """
    tasks = asyncio.all_tasks()
    ours = [t for t in tasks if not t.get_name().startswith(("our own question", "resolving "))]
    return frozenset(
        Counter(getattr(task.get_coro(), "__qualname__", "?") for task in ours).items()
    )


def is_looking() -> bool:
    """Whether the client asks nodes what they run, as it does until its chain is whole."""
    return any(kind.endswith("_manifest") for kind, _ in tasks_of_the_house())


def has_settled(node: LiveNode) -> bool:
    """Whether the node knows of every address if it needs a link there."""
    return {link.state for link in node.node.status().links} <= {"up", "idle"}


def steady(pids: list[int]) -> list[Gauge[Any]]:
    """What must stay the same while requests are answered: our tasks and our threads."""
    return [Gauge(tasks_of_the_house), Gauge(lambda: sum(map(threads_of, pids)))]


def engines(pids: list[int]) -> Gauge[int]:
    """Threads of gRPC's engine: no function of the requests, but a starved machine adds some."""
    return Gauge(lambda: sum(threads_of(pid, engine=True) for pid in pids))


def worker_pids(live: dict[str, LiveNode]) -> list[int]:
    return [stage.pid for node in live.values() for stage in node.node.status().stages]


async def test_two_hundred_requests_over_five_nodes_in_one_loop(five: Path) -> None:
    placement = {f"n-{name}": (name,) for name in ("head", "left", "right", "meet", "tail")}
    async with nodes(five, placement, static=True) as live:
        async with connected(live) as chain:
            await until(lambda: all(map(has_settled, live.values())), "the links settle")
            await chain.infer({"x": chains.question(-1)})
            pids = [os.getpid(), *worker_pids(live)]
            gauges, engine = steady(pids), engines(pids)
            await ask_all(chain, [*gauges, engine])
        for node in live.values():
            assert node.node.status().slots_in_use == 0
            assert node.node.status().stages[0].ran == REQUESTS + 1
    assert [len(gauge.seen) for gauge in gauges] == [1, 1], [gauge.seen for gauge in gauges]
    assert max(engine.seen) - min(engine.seen) <= len(pids), engine.seen


@pytest.mark.processes
async def test_two_hundred_requests_over_five_processes(five: Path) -> None:
    async with (
        processes(five, "five") as running,
        edgechain.connect("five", namespace=NAMESPACE, timeout=READY_SECONDS) as chain,
    ):
        await chain.infer({"x": chains.question(-1)})
        await until(lambda: not is_looking(), "the client has heard what every node runs")
        pids = [os.getpid(), *(node.pid for node in running.nodes)]
        gauges, engine = steady(pids), engines(pids)
        await ask_all(chain, [*gauges, engine])
    assert [len(gauge.seen) for gauge in gauges] == [1, 1], [gauge.seen for gauge in gauges]
    assert max(engine.seen) - min(engine.seen) <= len(pids), engine.seen
