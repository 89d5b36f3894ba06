"""A stage that fails takes one request with it, never the chain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from edgechain.client.chain import Chain
from edgechain.errors import Poison, RequestError, StageError, Unavailable
from edgechain.runtime.restarts import LOST_AT_ONCE
from tests.chain import chains
from tests.chain.nodes import READY_SECONDS, Placement, connected, nodes, slots_in_use

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

APART: Placement = {"n1": ("first",), "n2": ("mood",), "n3": ("last",)}
SLOTS = 4


async def works(chain: Chain) -> None:
    """As many requests at once as there are slots are answered rightly."""

    async def ask(number: int) -> None:
        x = chains.question(number)
        np.testing.assert_array_equal((await chain.infer(x, deadline=20))["y"], x * 2)

    await asyncio.gather(*(ask(number) for number in range(100, 100 + SLOTS)))


@pytest.mark.parametrize(
    ("bad", "reason", "dies"),
    [
        (13, "ValueError: 13 is not to my liking", False),
        (14, "exited with status 9", True),
        (15, "was killed by signal 9", True),
        (16, r"output 'b' should be int64 \[4\] of at most 32 bytes, is int64 \[8\]", False),
    ],
    ids=["raises", "exits", "is killed", "wrong shape"],
)
async def test_one_bad_request_among_good_ones(
    moody: Path, bad: int, reason: str, dies: bool
) -> None:
    async with nodes(moody, APART, slots=SLOTS) as live, connected(live) as chain:
        before = live["n2"].node.status().stages[0].pid
        good = asyncio.create_task(works(chain))
        with pytest.raises(Poison if dies else StageError, match=reason) as caught:
            await chain.infer(chains.question(bad))
        await good
        await works(chain)
        assert caught.value.stage == "mood"
        status = live["n2"].node.status().stages[0]
        assert status.failed == (2 if dies else 1)
        assert status.ran == 2 * SLOTS
        assert (status.pid != before) is dies


async def test_a_request_the_client_can_send_again(moody: Path) -> None:
    """The slot of a failed request comes back on every node of its route."""
    async with nodes(moody, APART, slots=1) as live, connected(live) as chain:
        for _ in range(3):
            with pytest.raises(StageError):
                await chain.infer(chains.question(13))
        x = chains.question(1)
        np.testing.assert_array_equal((await chain.infer(x))["y"], x * 2)
    assert slots_in_use(live) == [0, 0, 0]


async def test_a_stage_that_keeps_killing_its_worker_rests_and_comes_back(moody: Path) -> None:
    placement = {"all": ("first", "mood", "last")}
    async with nodes(moody, placement) as live, connected(live) as chain:
        ends: list[RequestError] = []
        while not ends or not isinstance(ends[-1], Unavailable):
            with pytest.raises((Poison, Unavailable)) as caught:
                await chain.infer(chains.question(14))
            ends.append(caught.value)
            assert len(ends) <= LOST_AT_ONCE + 1
        assert "rests for" in str(ends[-1])
        assert "exited with status 9" in str(ends[-1])
        await answers_again(chain)
        assert not live["all"].task.done()


async def answers_again(chain: Chain) -> None:
    """Within its deadline somebody who asks on gets an answer."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                await works(chain)
            except Unavailable:
                continue
            return
