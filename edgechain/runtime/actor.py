"""The actor that owns one stage: a queue of attempts and an interpreter worker."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum

from edgechain.errors import NodeFailed, WorkerLost
from edgechain.runtime.clock import Clock
from edgechain.runtime.slots import Attempt
from edgechain.runtime.stage_queue import StageQueue
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.worker_wire import Lost, Outcome, Ran, Resting
from edgechain.spec.chain import Stage
from edgechain.spec.ids import StageName
from edgechain.spec.status import StageStatus

_LOG = logging.getLogger(__name__)

TIMES_KEPT = 256
RESTARTS_ALLOWED = 5
RESTART_WINDOW_SECONDS = 30.0
"""OTP's supervisors allow 1 in 5 s; a model that kills its worker deserves a little more."""

OpenWorker = Callable[[], Awaitable[WorkerProcess]]
Report = Callable[[Attempt, StageName, Outcome | Resting], None]


class ActorState(StrEnum):
    """An actor's life."""

    NEW = "new"
    READY = "ready"
    RUNNING = "running"
    CLOSED = "closed"


class StageActor:
    """Runs its stage for one attempt at a time, in the order in which attempts are complete.

    ``report`` is told the outcome of every run, after which the attempt no longer counts as
    running here. A worker that dies takes the attempt with it (``Lost``) and is replaced; too many
    deaths raise ``NodeFailed`` out of ``run``.
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
        self._something_ready = asyncio.Event()
        self._open_worker = open_worker
        self._worker: WorkerProcess | None = None
        self._clock = clock
        self._state = ActorState.NEW
        self._times: deque[float] = deque(maxlen=TIMES_KEPT)
        self._deaths: deque[float] = deque(maxlen=RESTARTS_ALLOWED)
        self._ran = self._failed = 0

    async def start(self) -> None:
        """Start the worker; returns when it can run."""
        self._worker = await self._open_worker()
        self._enter(ActorState.READY)

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        """Say that one of the stage's inputs lies in the attempt's slot."""
        if self._queue.deliver(attempt, tensor):
            self._something_ready.set()

    def forget(self, attempt: Attempt) -> None:
        """Drop what waits for an attempt that has ended."""
        self._queue.forget(attempt)

    async def run(self, report: Report) -> None:
        """Work until cancelled."""
        self._enter(ActorState.RUNNING)
        while True:
            self._something_ready.clear()
            while (attempt := self._queue.take(self._clock.now())) is not None:
                await self._execute(attempt, report)
            await self._something_ready.wait()

    async def _execute(self, attempt: Attempt, report: Report) -> None:
        name = self.stage.name
        attempt.to_run.discard(name)
        attempt.running.add(name)
        lost: WorkerLost | None = None
        outcome: Outcome
        try:
            outcome = await self._invoke(attempt)
        except WorkerLost as error:
            lost, outcome = error, Lost(_without_stage(error, name))
        finally:
            attempt.running.discard(name)
        self._note(outcome)
        report(attempt, name, outcome)
        if lost is not None:  # the client need not wait for the next worker to hear of it
            await self._replace_worker(lost)

    async def _invoke(self, attempt: Attempt) -> Ran | str:
        if self._worker is None:
            raise NodeFailed(f"stage {self.stage.name} was never started")
        shapes = tuple(attempt.shapes[tensor] for tensor in self._wanted)
        return await self._worker.run(attempt.slot, shapes)

    async def _replace_worker(self, cause: WorkerLost) -> None:
        while True:
            _LOG.warning("%s; starting another", cause)
            self._count_death(cause)
            await self._close_worker()
            try:
                self._worker = await self._open_worker()
            except WorkerLost as error:
                cause = error
            else:
                return

    def _count_death(self, cause: WorkerLost) -> None:
        now = self._clock.now()
        if len(self._deaths) == RESTARTS_ALLOWED and now - self._deaths[0] < RESTART_WINDOW_SECONDS:
            raise NodeFailed(
                f"{cause}; it is the {RESTARTS_ALLOWED + 1}th time, giving up"
            ) from cause
        self._deaths.append(now)

    def _note(self, outcome: Outcome) -> None:
        if isinstance(outcome, Ran):
            self._ran += 1
            self._times.append(outcome.nanoseconds / 1e6)
        else:
            self._failed += 1

    async def close(self) -> None:
        """End the worker; may be called twice."""
        self._enter(ActorState.CLOSED)
        await self._close_worker()

    async def _close_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    def _enter(self, state: ActorState) -> None:
        _LOG.debug("stage %s: %s -> %s", self.stage.name, self._state, state)
        self._state = state

    def statistics(self) -> StageStatus:
        """How the stage is doing."""
        times, queue = self._times or (0.0,), self._queue.statistics()
        return StageStatus(
            name=self.stage.name,
            pid=self._worker.pid if self._worker else 0,
            ran=self._ran,
            failed=self._failed,
            waiting=queue.ready + queue.joining,
            mean_ms=sum(times) / len(times),
            max_ms=max(times),
            resident_bytes=self._worker.resident_bytes() if self._worker else 0,
        )


def _without_stage(error: WorkerLost, stage: StageName) -> str:
    """A reason that will be told with the stage's name in front of it anyway."""
    return str(error).removeprefix(f"stage {stage}: ")
