"""The generations on a node: makes what runs what is wanted, one step at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

from edgechain.errors import EdgechainError
from edgechain.node.generation import RunningGeneration
from edgechain.node.reconcile import Drop, Load, Promote, reconcile
from edgechain.node.settings import ChainShare
from edgechain.node.verdict import verdict
from edgechain.spec.ids import Generation
from edgechain.spec.printable import one_line
from edgechain.spec.status import GenerationState, GenerationStatus

_LOG = logging.getLogger(__name__)

REASON_LENGTH = 500

Make = Callable[[ChainShare], RunningGeneration]


class Generations:
    """At most two, one of which serves. ``make`` builds one; ``on_promote`` hears who serves.

    A generation that serves and fails takes the node along; one beside it only is noted.
    """

    def __init__(self, make: Make, on_promote: Callable[[], None]):
        self._make = make
        self._on_promote = on_promote
        self._group: asyncio.TaskGroup | None = None
        self._current: RunningGeneration | None = None
        self._running: dict[Generation, RunningGeneration] = {}
        self._tasks: dict[Generation, asyncio.Task[None]] = {}
        self._failed: dict[Generation, str] = {}
        self._shares: dict[Generation, ChainShare] = {}
        self._wanted: tuple[Generation, Generation | None] | None = None
        self._closing = False

    async def begin(self, group: asyncio.TaskGroup, share: ChainShare) -> RunningGeneration:
        """Load the first one, which serves from its first moment on; ``group`` owns all."""
        self._group = group
        self._current = first = self._make(share)
        first.serve_now()
        self._start(first)
        await first.loaded.wait()
        return first

    def _start(self, running: RunningGeneration) -> None:
        if self._group is None:
            raise RuntimeError("begin() comes first")
        self._running[running.generation] = running
        self._tasks[running.generation] = self._group.create_task(self._live(running))

    def want(self, current: ChainShare, beside: ChainShare | None) -> None:
        """Let ``current`` serve and ``beside`` be ready, as soon as can be.

        What failed before is tried again.
        """
        shares = [share for share in (current, beside) if share is not None]
        self._shares = {share.generation: share for share in shares}
        for running in self:
            if (share := self._shares.get(running.generation)) is not None:
                running.found_in(share.directory)
        self._wanted = (current.generation, beside.generation if beside else None)
        self._failed.clear()
        self._reconcile()

    def _reconcile(self) -> None:
        if self._wanted is None or self._closing:
            return
        states = {g: running.state for g, running in self._running.items()}
        states |= dict.fromkeys(self._failed, GenerationState.FAILED)
        for action in reconcile(*self._wanted, states):
            match action:
                case Load(generation):
                    self._load(self._shares[generation])
                case Promote(generation):
                    self._promote(self._running[generation])
                case Drop(generation):
                    self._drop(generation)

    def _load(self, share: ChainShare) -> None:
        _LOG.info("loading generation %s from %s", share.generation[:12], share.directory)
        try:
            made = self._make(share)
        except (EdgechainError, OSError) as error:
            self._note_failure(share.generation, error)
            return
        self._start(made)

    def _promote(self, chosen: RunningGeneration) -> None:
        before, self._current = self.current, chosen
        chosen.serve_now()
        before.retire(chosen.generation)
        self._on_promote()

    def _drop(self, generation: Generation) -> None:
        if generation in self._tasks:
            self._running[generation].give_up()
            _cancel(self._tasks[generation])
        else:
            self._failed.pop(generation, None)

    async def _live(self, running: RunningGeneration) -> None:
        """One generation's whole life; what it leaves is room for another."""
        try:
            await running.run(self._reconcile)
        except asyncio.CancelledError:
            self._closing |= running.state is not GenerationState.ENDING
            raise
        except (Exception, BaseExceptionGroup) as error:
            cause = verdict(error)
            if running.is_serving:
                self._closing = True
                raise cause from error
            self._note_failure(running.generation, cause)
        finally:
            del self._running[running.generation], self._tasks[running.generation]
            self._reconcile()

    def _note_failure(self, generation: Generation, error: BaseException) -> None:
        _LOG.warning("generation %s: %s", generation[:12], error)
        self._failed[generation] = str(error)

    # Questions -------------------------------------------------------------------------------

    @property
    def current(self) -> RunningGeneration:
        """The one that serves."""
        if self._current is None:
            raise RuntimeError("begin() comes first")
        return self._current

    def pick(self, generation: Generation | None) -> RunningGeneration | None:
        """The one that a stream is for, if it can be used: ``None`` means the one that serves."""
        found = self.current if generation is None else self._running.get(generation)
        return found if found is not None and found.loaded.is_set() else None

    def is_loading(self, generation: Generation | None) -> bool:
        """Whether a stream that names it is only too early."""
        found = self._running.get(generation) if generation else None
        return found is not None and found.state is GenerationState.LOADING

    def __iter__(self) -> Iterator[RunningGeneration]:
        return iter(tuple(self._running.values()))

    def statuses(self) -> tuple[GenerationStatus, ...]:
        """Every generation here, and those that failed."""
        failed = (
            GenerationStatus(generation=g, state=GenerationState.FAILED, reason=printable(reason))
            for g, reason in self._failed.items()
        )
        return (*(running.status() for running in self), *failed)

    # End -------------------------------------------------------------------------------------

    async def close(self) -> None:
        """End every generation; may be called twice."""
        self._closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            _cancel(task)
        await asyncio.gather(*tasks, return_exceptions=True)


def _cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task once it has begun: one that has not would never give back what it owns."""
    asyncio.get_running_loop().call_soon(task.cancel)


def printable(reason: str) -> str:
    """A reason as one line that a status may hold."""
    return one_line(reason)[:REASON_LENGTH]
