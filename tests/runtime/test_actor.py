"""A stage's actor among doubles: turns, lost workers, rests, and when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from edgechain.errors import InvalidChain, NodeFailed, WorkerLost
from edgechain.runtime import actor, restarts
from edgechain.runtime.actor import StageActor
from edgechain.runtime.clock import ManualClock, SystemClock
from edgechain.runtime.restarts import LOADS_TRIED, LOST_AT_ONCE
from edgechain.runtime.slots import Attempt
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.worker_wire import Lost, Outcome, Ran, Resting
from edgechain.spec.deadline import Deadline
from tests.runtime.keys import hop, key
from tests.spec.manifests import stage

GOOD = Ran(1_000_000, ((1, 4),))
PHOTO = 0
FAR = 1e12
WITHIN = 60.0
KILLED = "stage head: its worker was killed by signal 9"


class ScriptedWorker:
    """Answers as it is told; ``None`` is its death."""

    pid = 0

    def __init__(self, on_end: Callable[[], None], answers: Iterable[Ran | str | None]):
        self._on_end = on_end
        self._answers = iter(answers)
        self.gone = self.closed = False

    async def run(self, slot: int, shapes: object, is_hung: object) -> Ran | str:
        await asyncio.sleep(0)
        answer = next(self._answers, GOOD)
        if answer is None:
            self.die()
            raise WorkerLost(KILLED)
        return answer

    def die(self) -> None:
        self.gone = True
        self._on_end()

    async def verdict(self) -> WorkerLost:
        return WorkerLost(KILLED)

    async def close(self) -> None:
        self.closed = True

    def resident_bytes(self) -> int:
        return 0


class Stagehand:
    """One actor, the workers it was given, and what it told."""

    def __init__(self, *lives: Iterable[Ran | str | None], slots: int = 16) -> None:
        """``lives`` are the answers of each worker in turn; after those all are good."""
        self._lives = iter(lives)
        self.workers: list[ScriptedWorker] = []
        self.cannot_load: list[Exception] = []
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.told: list[tuple[Attempt, Outcome | Resting]] = []
        self._news = asyncio.Event()
        self.clock = ManualClock(100.0)
        self.actor = StageActor(
            stage("head", ("photo",), ("a",)), (PHOTO,), slots, self._open, self.clock
        )

    async def _open(self, on_end: Callable[[], None]) -> WorkerProcess:
        await self.may_open.wait()
        if self.cannot_load:
            raise self.cannot_load.pop()
        self.workers.append(ScriptedWorker(on_end, next(self._lives, ())))
        self._news.set()
        return cast("WorkerProcess", self.workers[-1])

    def report(self, attempt: Attempt, name: str, outcome: Outcome | Resting) -> None:
        assert name == "head"
        assert name not in attempt.running | attempt.to_run
        self.told.append((attempt, outcome))
        self._news.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        await self.actor.start()
        task = asyncio.create_task(self.actor.run(self.report))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.actor.close()
            assert all(worker.closed for worker in self.workers)

    def ask(self, sequence: int = 0, deadline: float = FAR) -> Attempt:
        attempt = Attempt(key(sequence), (hop("here"),), 0, Deadline(deadline), {"head"})
        attempt.shapes[PHOTO] = (1, 4)
        self.actor.deliver(attempt, PHOTO)
        return attempt

    async def until(self, is_so: Callable[[], Any]) -> None:
        async with asyncio.timeout(WITHIN):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def told_times(self, count: int) -> list[Outcome | Resting]:
        await self.until(lambda: len(self.told) >= count)
        return [outcome for _, outcome in self.told]


async def test_attempts_run_in_the_order_in_which_they_are_complete() -> None:
    hand = Stagehand([GOOD, "no", GOOD])
    async with hand.running():
        asked = [hand.ask(number) for number in range(3)]
        assert await hand.told_times(3) == [GOOD, "no", GOOD]
    assert [attempt for attempt, _ in hand.told] == asked
    status = hand.actor.statistics()
    assert (status.ran, status.failed, status.waiting, status.max_ms) == (2, 1, 0, 1.0)


async def test_who_waits_is_counted() -> None:
    hand = Stagehand()
    for number in range(3):
        hand.ask(number)
    assert hand.actor.statistics().waiting == 3
    async with hand.running():
        await hand.told_times(3)


async def test_the_client_hears_of_a_lost_worker_before_the_next_one_has_started() -> None:
    hand = Stagehand([None])
    async with hand.running():
        hand.may_open.clear()
        attempt = hand.ask()
        await hand.told_times(1)
        assert hand.told == [(attempt, Lost("its worker was killed by signal 9"))]
        assert len(hand.workers) == 1
        hand.may_open.set()
        hand.ask(1)
        assert (await hand.told_times(2))[1] == GOOD
        assert hand.workers[0].closed


async def test_a_worker_that_ends_with_nothing_to_do_is_replaced() -> None:
    hand = Stagehand()
    async with hand.running():
        hand.workers[0].die()
        await hand.until(lambda: len(hand.workers) == 2)
        hand.ask()
        assert await hand.told_times(1) == [GOOD]


async def test_too_many_lost_workers_make_the_stage_rest_and_then_go_on() -> None:
    hand = Stagehand(*[[None]] * (LOST_AT_ONCE + 1))
    async with hand.running() as task:
        for number in range(LOST_AT_ONCE + 1):
            hand.ask(number)
            assert isinstance((await hand.told_times(number + 1))[-1], Lost)
        hand.ask(90)
        assert (await hand.told_times(LOST_AT_ONCE + 2))[-1] == Resting(
            "rests for 0.5 s: its worker was killed by signal 9"
        )
        assert hand.actor.statistics().failed == LOST_AT_ONCE + 2
        hand.clock.advance(restarts.REST_SECONDS)
        hand.ask(91, deadline=hand.clock.now() + 9)
        assert (await hand.told_times(LOST_AT_ONCE + 3))[-1] == GOOD
        assert not task.done()


async def test_a_worker_that_cannot_be_loaded_once_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restarts, "LOAD_PAUSE_SECONDS", 0.001)
    hand = Stagehand([None])
    hand.actor._clock = SystemClock()
    async with hand.running():
        hand.cannot_load = [WorkerLost(KILLED), InvalidChain("stage head: no memory")]
        hand.ask()
        hand.ask(1)
        assert (await hand.told_times(2))[0] == Lost("its worker was killed by signal 9")
        await hand.until(lambda: len(hand.workers) == 2)


async def test_a_worker_that_can_never_be_loaded_ends_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restarts, "LOAD_PAUSE_SECONDS", 0.001)
    hand = Stagehand([None])
    hand.actor._clock = SystemClock()
    async with hand.running() as task:
        hand.cannot_load = [InvalidChain("stage head: no memory") for _ in range(LOADS_TRIED)]
        hand.ask()
        with pytest.raises(NodeFailed, match="stage head: no memory; it is the 5th time"):
            await asyncio.wait_for(asyncio.shield(task), WITHIN)


async def test_what_ended_or_is_late_is_not_run() -> None:
    hand = Stagehand()
    late, ended = hand.ask(1, deadline=hand.clock.now()), hand.ask(2)
    ended.ended = True
    hand.actor.forget(ended)
    async with hand.running():
        asked = hand.ask(3)
        await hand.told_times(1)
    assert [attempt for attempt, _ in hand.told] == [asked]
    assert late.to_run == {"head"}


async def test_an_actor_that_was_never_started_says_so() -> None:
    hand = Stagehand()
    with pytest.raises(NodeFailed, match="stage head was never started"):
        await hand.actor.run(hand.report)


async def test_an_actor_answers_when_it_comes_round() -> None:
    hand = Stagehand()
    asked = hand.actor.ask()
    async with hand.running():
        await asyncio.wait_for(asked, WITHIN)
        await asyncio.wait_for(hand.actor.ask(), WITHIN)
        first, second = hand.actor.ask(), hand.actor.ask()
        assert first is second
        await asyncio.wait_for(first, WITHIN)
    assert hand.actor.ask().done()  # a closed one keeps nobody waiting


async def test_an_actor_answers_while_it_opens_a_worker_and_while_it_rests() -> None:
    hand = Stagehand(*[[None]] * (LOST_AT_ONCE + 1))
    async with hand.running():
        hand.may_open.clear()
        hand.ask()
        await hand.told_times(1)
        for _ in range(3):
            await asyncio.wait_for(hand.actor.ask(), WITHIN)
        hand.may_open.set()
        for number in range(1, LOST_AT_ONCE + 1):
            hand.ask(number)
            await hand.told_times(number + 1)
        hand.ask(90)
        assert isinstance((await hand.told_times(LOST_AT_ONCE + 2))[-1], Resting)
        for _ in range(3):
            await asyncio.wait_for(hand.actor.ask(), WITHIN)


async def test_an_actor_that_never_opens_its_worker_is_silent_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actor, "OPEN_SECONDS", 0.05)
    hand = Stagehand([None])
    async with hand.running():
        hand.may_open.clear()
        hand.ask()
        await hand.told_times(1)
        await asyncio.sleep(0.1)
        silent = hand.actor.ask()
        await asyncio.wait((silent,), timeout=0.2)
        assert not silent.done()
        hand.may_open.set()
        await asyncio.wait_for(silent, WITHIN)


class Endless(ScriptedWorker):
    """Runs without end, and is looked at or not."""

    def __init__(self, *, looked_at: bool):
        super().__init__(lambda: None, ())
        self._looked_at = looked_at
        self.runs = asyncio.Event()

    async def run(self, slot: int, shapes: object, is_hung: Any) -> Ran | str:
        self.runs.set()
        while True:
            await asyncio.sleep(0.01)
            if self._looked_at:
                is_hung()


@pytest.mark.parametrize("looked_at", [True, False])
async def test_a_run_without_end_is_silence_only_where_nobody_looks_at_it(
    looked_at: bool,
) -> None:
    hand = Stagehand()
    async with hand.running():
        await asyncio.wait_for(hand.actor.ask(), WITHIN)
        worker = Endless(looked_at=looked_at)
        hand.workers[0].run = worker.run  # type: ignore[method-assign]
        hand.ask()
        await worker.runs.wait()
        asked = hand.actor.ask()
        await asyncio.wait((asked,), timeout=WITHIN if looked_at else 0.3)
        assert asked.done() == looked_at


async def test_a_stage_is_tried_before_it_works_and_not_counted() -> None:
    hand = Stagehand([GOOD, "no"])
    with pytest.raises(NodeFailed, match="before it works"):
        await hand.actor.try_out(0, ((1, 4),))
    await hand.actor.start()
    assert await hand.actor.try_out(0, ((1, 4),)) == GOOD
    assert await hand.actor.try_out(0, ((1, 4),)) == "no"
    status = hand.actor.statistics()
    assert (status.ran, status.failed, status.mean_ms) == (0, 0, 0.0)
    await hand.actor.close()
