"""Owns a node's actors, their workers and the memory they share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from edgechain.runtime.actor import OnEnd, OpenWorker, Report, StageActor
from edgechain.runtime.arena import Arena
from edgechain.runtime.clock import Clock
from edgechain.runtime.layout import SlotLayout, lay_out
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.worker_wire import Region, WorkerSetup
from edgechain.runtime.zygote_process import ZygoteProcess
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.ids import StageName


class Supervisor:
    """The stages of one generation on a node. ``async with`` starts every worker, or none stays.

    ``actors`` are the running actors by stage, ``arena`` and ``layout`` the slots' memory. Workers
    are forked from ``zygote``, which several supervisors may share; without one it has its own.
    ``directory`` is where the next worker finds its stage, the first or one after another's death;
    it may be set to another one that holds the same.
    """

    def __init__(
        self,
        manifest: ChainManifest,
        directory: Path,
        stages: Iterable[StageName],
        *,
        slots: int,
        threads: int,
        interpreter: str,
        clock: Clock,
        zygote: ZygoteProcess | None = None,
    ):
        self._manifest = manifest
        self.directory = directory.resolve()
        self._threads = threads
        self._interpreter = interpreter
        self._zygote = zygote or ZygoteProcess(interpreter)
        self._owns_zygote = zygote is None
        names = frozenset(stages)
        self.layout: SlotLayout = lay_out(manifest, names)
        self.arena = Arena.create(self.layout.slot_bytes * slots)
        self.actors = {
            stage.name: StageActor(
                stage, self._manifest.edges_of(stage.inputs), slots, self._opener(stage), clock
            )
            for stage in manifest.stages
            if stage.name in names
        }

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.TaskGroup() as group:
                for actor in self.actors.values():
                    group.create_task(actor.start())
        except BaseExceptionGroup as error:
            await self.__aexit__()
            raise error.exceptions[0] from error.exceptions[0].__cause__
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(actor.close() for actor in self.actors.values()))
        if self._owns_zygote:
            await self._zygote.close()
        self.arena.close()

    async def run(self, report: Report) -> None:
        """Let the actors work until cancelled, or until one gives up (``NodeFailed``)."""
        async with asyncio.TaskGroup() as group:
            for actor in self.actors.values():
                group.create_task(actor.run(report), name=f"stage {actor.stage.name}")

    def region(self, slot: int, tensor: int, size: int) -> memoryview:
        """The memory of one tensor in one slot, ``size`` bytes of it."""
        start = self.layout.start(slot, tensor)
        return self.arena.view[start : start + size]

    def _regions(self, tensors: tuple[str, ...]) -> tuple[Region, ...]:
        specs = [
            (index, self._manifest.edges[index].tensor)
            for index in self._manifest.edges_of(tensors)
        ]
        return tuple(
            Region(spec.name, self.layout.offsets[index], spec.max_bytes, spec.dtype, spec.shape)
            for index, spec in specs
        )

    def _opener(self, stage: Stage) -> OpenWorker:
        async def open_worker(on_end: OnEnd) -> WorkerProcess:
            return await WorkerProcess.start(
                self._setup(stage), self.arena.fileno, self._zygote, on_end
            )

        return open_worker

    def _setup(self, stage: Stage) -> WorkerSetup:
        return WorkerSetup(
            stage=stage.name,
            arena_bytes=self.arena.size,
            slot_bytes=self.layout.slot_bytes,
            inputs=self._regions(stage.inputs),
            outputs=self._regions(stage.outputs),
            threads=self._threads,
            interpreter=self._interpreter,
            file=str(self.directory / stage.file) if stage.file else None,
            sha256=stage.sha256,
            actor=stage.actor,
            options=dict(stage.options),
            search_path=str(self.directory),
        )
