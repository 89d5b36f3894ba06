"""Worker processes on slots of their own, for one stage with one input and one output."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.runtime.arena import Arena
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.worker_wire import Ran, Region, WorkerSetup
from edgechain.runtime.zygote_process import ZygoteProcess

Array = NDArray[Any]
SLOT_BYTES = 256
SLOTS = 3
HALF = SLOT_BYTES // 2


def model_setup(path: Path, **more: Any) -> WorkerSetup:
    """A worker for a model of one row of four floats."""
    known: dict[str, Any] = {
        "stage": "s",
        "arena_bytes": SLOT_BYTES * SLOTS,
        "slot_bytes": SLOT_BYTES,
        "inputs": (Region("x", 0, HALF, "float32", (1, 4)),),
        "outputs": (Region("y", HALF, HALF, "float32", (1, 4)),),
        "threads": 1,
        "interpreter": "auto",
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "actor": None,
        "options": {},
        "search_path": str(path.parent),
    }
    return WorkerSetup(**(known | more))


def actor_setup(path: Path, name: str, **more: Any) -> WorkerSetup:
    """A worker for a class of a Python file."""
    return model_setup(path, actor=f"{path.stem}:{name}", **more)


class Working:
    """A running worker and its slots."""

    def __init__(self, worker: WorkerProcess, arena: Arena, zygote: ZygoteProcess):
        self.worker, self.arena, self.zygote = worker, arena, zygote

    async def run(self, value: Array, slot: int = 0) -> Array | str:
        """Run on a slot; a copy of the output, or why there is none."""
        start = self.put(value, slot)
        outcome = await self.worker.run(slot, (value.shape,))
        if not isinstance(outcome, Ran):
            return outcome
        (shape,) = outcome.shapes
        found: Array = np.ndarray(shape, value.dtype, self.arena.view, start + HALF).copy()
        return found

    def put(self, value: Array, slot: int = 0) -> int:
        """Lay the input into a slot; where that starts."""
        start = slot * SLOT_BYTES
        self.arena.view[start : start + value.nbytes] = value.tobytes()
        return start


@asynccontextmanager
async def working(setup: WorkerSetup) -> AsyncIterator[Working]:
    arena, zygote = Arena.create(setup.arena_bytes), ZygoteProcess(setup.interpreter)
    try:
        worker = await WorkerProcess.start(setup, arena.fileno, zygote)
        try:
            yield Working(worker, arena, zygote)
        finally:
            await worker.close()
            await worker.close()
    finally:
        await zygote.close()
        await zygote.close()
        arena.close()
