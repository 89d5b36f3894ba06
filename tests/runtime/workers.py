"""Worker processes on slots of their own, for one stage with one input and one output."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.runtime.arena import Arena
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.worker_wire import Ran, Region, WorkerSetup

Array = NDArray[Any]
SLOT_BYTES = 256
SLOTS = 3
HALF = SLOT_BYTES // 2


def model_setup(path: Path, **more: Any) -> WorkerSetup:
    """A worker for a model of one row of four floats; its arena comes later."""
    known: dict[str, Any] = {
        "stage": "s",
        "arena_fileno": -1,
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

    def __init__(self, worker: WorkerProcess, arena: Arena):
        self.worker, self.arena = worker, arena

    async def run(self, value: Array, slot: int = 0) -> Array | str:
        """Run on a slot; a copy of the output, or why there is none."""
        start = slot * SLOT_BYTES
        self.arena.view[start : start + value.nbytes] = value.tobytes()
        outcome = await self.worker.run(slot, (value.shape,))
        if not isinstance(outcome, Ran):
            return outcome
        (shape,) = outcome.shapes
        found: Array = np.ndarray(shape, value.dtype, self.arena.view, start + HALF).copy()
        return found


@asynccontextmanager
async def working(setup: WorkerSetup) -> AsyncIterator[Working]:
    arena = Arena.create(setup.arena_bytes)
    try:
        worker = await WorkerProcess.start(replace(setup, arena_fileno=arena.fileno))
        try:
            yield Working(worker, arena)
        finally:
            await worker.close()
            await worker.close()
    finally:
        arena.close()
