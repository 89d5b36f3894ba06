"""Measuring models for clients, one at a time, each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from edgechain.errors import NotMeasured
from edgechain.node.measuring import MeasuringProcess
from edgechain.node.spool import Spool
from edgechain.spec.config import NodeConfig
from edgechain.spec.profiling import Finished, NoKind, ProfileOrder, Working

_KINDS = {"MissingDependency": NoKind.DEPENDENCY, "InvalidModel": NoKind.MODEL}
_KINDS |= {"CannotCut": NoKind.MODEL, "NotEqual": NoKind.MODEL}
"""What the process says went wrong, by the name of its error."""


class ProfileDesk:
    """Takes orders for ``transport.profile_desk``; with ``close`` what is under way ends."""

    def __init__(self, config: NodeConfig):
        self._config = config
        self.taken = 0
        """Orders so far."""
        self._job: Job | None = None
        self._closing = False

    @property
    def name(self) -> str:
        """The node's name."""
        return self._config.name

    @property
    def is_working(self) -> bool:
        """Whether an order is under way."""
        return self._job is not None

    @asynccontextmanager
    async def begin(self, order: ProfileOrder) -> AsyncIterator[Job]:
        """Take an order. Raises ``NotMeasured``; nothing of it is left afterwards."""
        if self._closing:
            raise NotMeasured(NoKind.STOPPING, "this node is about to stop")
        if self._job is not None:
            raise NotMeasured(NoKind.BUSY, "this node measures for somebody else; try again later")
        job = self._job = Job(order, self._config)
        self.taken += 1
        try:
            await job.open()
            yield job
        finally:
            ending = job.end()
            ending.add_done_callback(self._free)
            await asyncio.shield(ending)

    def _free(self, _ending: asyncio.Task[str]) -> None:
        self._job = None

    async def close(self) -> None:
        """Break off what is under way, and take nothing more; may be called twice."""
        self._closing = True
        if self._job is not None:
            await asyncio.shield(self._job.end(stopping=True))


class Job:
    """One order: a model that comes in, a process that measures it."""

    def __init__(self, order: ProfileOrder, config: NodeConfig):
        self._order = order
        self._config = config
        self._spool = Spool(order.size, order.sha256)
        self._process = MeasuringProcess()
        self._ending: asyncio.Task[str] | None = None
        self._stopping = False

    async def open(self) -> None:
        """Make room for the model. Raises ``NotMeasured``."""
        await self._spool.open()

    async def take(self, piece: bytes) -> None:
        """Add the next bytes of the model. Raises ``NotMeasured``."""
        self._go_on()
        await self._spool.add(piece)

    async def measure(self, tell: Callable[[Working], Awaitable[None]]) -> Finished:
        """Measure what has come. Raises ``NotMeasured``."""
        self._spool.check()
        self._go_on()
        await self._start()
        while (said := await self._process.report()) is not None:
            match said:
                case {"event": "working", "what": what, "done": done, "total": total}:
                    await tell(Working(what, done, total))
                case {"event": "finished", "profile": profile}:
                    return Finished(profile)
                case {"event": "failed", "kind": kind, "reason": reason}:
                    raise NotMeasured(_KINDS.get(kind, NoKind.FAILED), reason)
        manner = await asyncio.shield(self.end())
        self._go_on()
        raise NotMeasured(NoKind.FAILED, f"what measured {manner}; the node's log says more")

    async def _start(self) -> None:
        try:
            await self._process.start(self._spool.fileno, _words(self._order, self._config))
        except OSError as error:
            reason = f"no process can be started: {error.strerror}"
            raise NotMeasured(NoKind.FAILED, reason) from error

    def _go_on(self) -> None:
        if self._stopping:
            raise NotMeasured(NoKind.STOPPING, "this node is about to stop")

    def end(self, *, stopping: bool = False) -> asyncio.Task[str]:
        """End what is left of it, once; a task that whoever is cancelled leaves to itself."""
        self._stopping |= stopping
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(), name=f"end of {self._order.model}")
        return self._ending

    async def _end(self) -> str:
        try:
            return await self._process.end()
        finally:
            await self._spool.close()


def _words(order: ProfileOrder, config: NodeConfig) -> list[str]:
    """What the process is told."""
    told: dict[str, Any] = {
        "name": order.model,
        "device": order.device or config.name,
        "threads": order.threads or config.threads,
        "interpreter": order.interpreter or config.interpreter,
        "seconds": order.seconds,
    }
    words = [f"--{key}={value}" for key, value in told.items()]
    return words if order.nodes else [*words, "--no-node"]
