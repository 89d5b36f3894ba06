"""The watchdog is fed when every actor has answered, and not before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from edgechain.node.systemd import Notifier
from edgechain.node.watchdog import Watchdog, status_line
from edgechain.runtime.actor import StageActor
from edgechain.spec.status import LinkStatus
from tests.node.manager_ear import ManagerEar
from tests.spec.statuses import node_status, stage_status

INTERVAL = 0.2


class Actor:
    """Answers at once, or when it is told to."""

    def __init__(self, name: str):
        self.stage = SimpleNamespace(name=name)
        self.silent: asyncio.Future[None] | None = None
        self.asked = asyncio.Event()

    def ask(self) -> asyncio.Future[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked.set()
        if self.silent is None:
            answer.set_result(None)
            return answer
        return self.silent


@pytest.mark.may_block
async def test_it_is_fed_twice_in_an_interval_and_starves_with_one_silent_actor() -> None:
    one, other = Actor("one"), Actor("other")
    with ManagerEar() as ear:
        notifier = Notifier(ear.address, INTERVAL)
        notifier.ready("x")
        ear.hear()
        actors = cast("list[StageActor]", [one, other])
        task = asyncio.create_task(Watchdog(notifier, lambda: actors, node_status).run())
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for _ in range(4):
            words = await asyncio.to_thread(ear.hear)
            assert words["WATCHDOG"] == "1"
        assert loop.time() - begin >= 3 * INTERVAL / 2
        other.silent = loop.create_future()
        other.asked.clear()
        await other.asked.wait()
        trouble = await asyncio.to_thread(ear.hear_of, "STATUS")
        while "WATCHDOG" in trouble:  # said before it was asked
            trouble = await asyncio.to_thread(ear.hear_of, "STATUS")
        assert trouble == {"STATUS": "no answer for 0.1 s from the actor of stage other"}
        assert await asyncio.to_thread(ear.hears_nothing_of, "WATCHDOG", 5 * INTERVAL)
        other.silent.set_result(None)
        other.silent = None
        assert (await asyncio.to_thread(ear.hear))["WATCHDOG"] == "1"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.may_block
async def test_a_node_that_stands_by_is_fed() -> None:
    with ManagerEar() as ear:
        notifier = Notifier(ear.address, INTERVAL)
        notifier.ready("x")
        ear.hear()
        task = asyncio.create_task(Watchdog(notifier, lambda: (), node_status).run())
        words = await asyncio.to_thread(ear.hear)
        assert words["WATCHDOG"] == "1"
        assert words["STATUS"].endswith("chain c: stands by")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_the_status_says_stages_links_and_requests() -> None:
    def link(state: str) -> LinkStatus:
        return LinkStatus(peer="p", address="a:1", state=state, queued=0, sent_bytes=0)

    line = status_line(
        node_status(
            slots_in_use=2,
            stages=(stage_status("one", ran=12, failed=1), stage_status("two", ran=11, failed=2)),
            links=(link("up"), link("down")),
        )
    )
    assert line == (
        "1 of 2 links up; 2 requests under way, 3 failed; chain c: one (12 run), two (11 run)"
    )
