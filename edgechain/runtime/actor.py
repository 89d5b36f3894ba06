"""The actor that owns one stage: a queue of attempts and an interpreter worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from edgechain.errors import InvalidChain, NodeFailed, WorkerLost
from edgechain.runtime.clock import Clock
from edgechain.runtime.patience import RunTimes, RunWatch
from edgechain.runtime.restarts import LOADS_TRIED, Restarts
from edgechain.runtime.slots import Attempt
from edgechain.runtime.stage_queue import StageQueue
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.worker_wire import Lost, Outcome, Ran, Resting, Shapes
from edgechain.spec.chain import Stage
from edgechain.spec.ids import StageName
from edgechain.spec.status import StageStatus

_LOG = logging.getLogger(__name__)

OnEnd = Callable[[], None]
OpenWorker = Callable[[OnEnd], Awaitable[WorkerProcess]]
Report = Callable[[Attempt, StageName, Outcome | Resting], None]

OPEN_SECONDS = 150.0
"""Longer than a zygote may take to start (60 s) and to fork (5 s), and a worker to load (60 s)."""

TRIAL_SECONDS = 60.0
"""Nothing that fits a small board runs for so long, the first time either."""


class ActorState(StrEnum):
    """An actor's life."""

    NEW = "new"
    READY = "ready"
    RUNNING = "running"
    RESTING = "resting"
    CLOSED = "closed"


class StageActor:
    """Runs its stage for one attempt at a time, in the order in which attempts are complete.

    ``report`` is told the outcome of every run, after which the attempt no longer counts as
    running here. A worker that ends or hangs takes the attempt with it (``Lost``) and is replaced
    at once; after too many in a row without a good run the stage rests, and what comes meanwhile
    is turned away (``Resting``). A worker that ends while it has nothing to do is replaced as
    well. ``NodeFailed`` comes out of ``run`` when no worker can be loaded any more.
    """

    def __init__(
        self,
        stage: Stage,
        wanted: tuple[int, ...],
        slots: int,
        open_worker: OpenWorker,
        clock: Clock,
    ):
        self.stage = stage
        self._wanted = wanted
        self._queue = StageQueue(wanted, slots)
        self._wake = asyncio.Event()
        """Set when an attempt is ready, and when the worker has ended."""
        self._open_worker = open_worker
        self._worker: WorkerProcess | None = None
        self._clock = clock
        self._state = ActorState.NEW
        self._times = RunTimes()
        self._restarts = Restarts()
        self._cause = ""
        """What became of the worker that is being replaced."""
        self._ran = self._failed = 0
        self._asked: asyncio.Future[None] | None = None
        self._asked_anew = asyncio.Event()

    async def start(self) -> None:
        """Start the worker; returns when it can run."""
        self._worker = await self._open_worker(self._wake.set)
        self._enter(ActorState.READY)

    async def try_out(self, slot: int, shapes: Shapes) -> Ran | str:
        """Run once on a slot before ``run`` begins; no request, and not counted as one.

        Raises ``WorkerLost`` where the worker ends over it or does not answer.
        """
        if self._worker is None or self._state is not ActorState.READY:
            raise NodeFailed(f"stage {self.stage.name} can only be tried before it works")
        watch = RunWatch(TRIAL_SECONDS, self._clock.now())
        return await self._worker.run(
            slot, shapes, lambda: watch.is_hung(self._clock.now(), awaited=False)
        )

    def ask(self) -> asyncio.Future[None]:
        """Ask whether the actor lives: done as soon as it comes round, or is closed.

        It comes round to its queue, and where a run takes long to every look at it. While it opens
        a worker it answers too, for as long as that may take.
        """
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
        asked = self._asked
        if self._state is ActorState.CLOSED:
            self._come_round()
        self._asked_anew.set()
        self._wake.set()
        return asked

    def _come_round(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_result(None)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Answer although what is done now does not come round, but only for so long."""
        answering = asyncio.create_task(self._answer(), name=f"answers of {self.stage.name}")
        try:
            yield
        finally:
            answering.cancel()

    async def _answer(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_SECONDS):
                while True:
                    self._come_round()
                    self._asked_anew.clear()
                    await self._asked_anew.wait()

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        """Say that one of the stage's inputs lies in the attempt's slot."""
        if self._queue.deliver(attempt, tensor):
            self._wake.set()

    def forget(self, attempt: Attempt) -> None:
        """Drop what waits for an attempt that has ended."""
        self._queue.forget(attempt)

    async def run(self, report: Report) -> None:
        """Work until cancelled."""
        if self._worker is None:
            raise NodeFailed(f"stage {self.stage.name} was never started")
        self._enter(ActorState.RUNNING)
        worker = self._worker
        while True:
            self._wake.clear()
            self._come_round()
            if worker.gone:
                worker = await self._replace(worker, report)
            elif (attempt := self._queue.take(self._clock.now())) is not None:
                await self._execute(worker, attempt, report)
            else:
                await self._wake.wait()

    async def _execute(self, worker: WorkerProcess, attempt: Attempt, report: Report) -> None:
        name = self.stage.name
        attempt.to_run.discard(name)
        attempt.running.add(name)
        try:
            outcome = await self._invoke(worker, attempt)
        finally:
            attempt.running.discard(name)
        self._note(outcome)
        report(attempt, name, outcome)  # the client need not wait for the next worker to hear of it

    async def _invoke(self, worker: WorkerProcess, attempt: Attempt) -> Outcome:
        shapes = tuple(attempt.shapes[tensor] for tensor in self._wanted)
        watch = RunWatch(self._times.patience, self._clock.now())

        def is_hung() -> bool:
            self._come_round()
            now = self._clock.now()
            awaited = not attempt.ended and not attempt.deadline.has_passed(now)
            return watch.is_hung(now, awaited=awaited)

        try:
            return await worker.run(attempt.slot, shapes, is_hung)
        except WorkerLost as error:
            return Lost(self._without_stage(error))

    def _note(self, outcome: Outcome) -> None:
        if isinstance(outcome, Ran):
            self._ran += 1
            self._restarts.ran()
            self._times.add(outcome.nanoseconds / 1e9)
            return
        self._failed += 1
        if isinstance(outcome, Lost):
            self._cause = outcome.reason

    async def _replace(self, worker: WorkerProcess, report: Report) -> WorkerProcess:
        """Another worker for one that has ended, as soon as that is allowed."""
        cause, self._cause = self._cause, ""
        cause = cause or self._without_stage(await worker.verdict())
        _LOG.warning("stage %s: %s; starting another", self.stage.name, cause)
        self._restarts.lost(self._clock.now())
        await self._close_worker()
        while True:
            await self._rest(cause, report)
            try:
                with self._answering():
                    self._worker = await self._open_worker(self._wake.set)
            except (WorkerLost, InvalidChain) as error:
                cause = self._without_stage(error)
                self._count_failed_load(error)
            else:
                self._restarts.loaded()
                _LOG.info("stage %s: worker %d is ready", self.stage.name, self._worker.pid)
                return self._worker

    def _count_failed_load(self, error: WorkerLost | InvalidChain) -> None:
        _LOG.warning("%s", error)
        if not self._restarts.unloadable(self._clock.now()):
            raise NodeFailed(f"{error}; it is the {LOADS_TRIED}th time, giving up") from error

    async def _rest(self, cause: str, report: Report) -> None:
        """Wait until another worker may be started, and turn away what comes."""
        if not self._restarts.rest(self._clock.now()):
            return
        self._enter(ActorState.RESTING)
        while seconds := self._restarts.rest(self._clock.now()):
            self._wake.clear()
            self._come_round()
            while (attempt := self._queue.take(self._clock.now())) is not None:
                self._turn_away(attempt, f"rests for {seconds:.1f} s: {cause}", report)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
        self._enter(ActorState.RUNNING)

    def _turn_away(self, attempt: Attempt, reason: str, report: Report) -> None:
        attempt.to_run.discard(self.stage.name)
        self._failed += 1
        report(attempt, self.stage.name, Resting(reason))

    async def close(self) -> None:
        """End the worker; may be called twice."""
        self._enter(ActorState.CLOSED)
        self._come_round()
        await self._close_worker()

    async def _close_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    def _enter(self, state: ActorState) -> None:
        _LOG.debug("stage %s: %s -> %s", self.stage.name, self._state, state)
        self._state = state

    def _without_stage(self, error: Exception) -> str:
        """A reason that will be told with the stage's name in front of it anyway."""
        return str(error).removeprefix(f"stage {self.stage.name}: ")

    def statistics(self) -> StageStatus:
        """How the stage is doing."""
        queue = self._queue.statistics()
        return StageStatus(
            name=self.stage.name,
            pid=self._worker.pid if self._worker else 0,
            ran=self._ran,
            failed=self._failed,
            waiting=queue.ready + queue.joining,
            mean_ms=self._times.mean * 1e3,
            max_ms=self._times.longest * 1e3,
            resident_bytes=self._worker.resident_bytes() if self._worker else 0,
        )
