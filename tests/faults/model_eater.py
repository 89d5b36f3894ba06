"""Plays a daemon that is given one damaged model after the other, or the interpreter alone.

Each model goes the way of any stage's file: a supervisor has a worker load it, one request runs.
A JSON line for each says how that ended, and a last one what was left. With ``--directly`` this
very process loads and runs them: what a worker is for.

    python -m tests.faults.model_eater [--directly] COUNT FOLDER ORIGINAL...
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import hashlib
import json
import os
import resource
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from edgechain.errors import EdgechainError, InvalidChain, WorkerLost
from edgechain.runtime import patience, worker_process
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.clock import SystemClock
from edgechain.runtime.interpreter import open_interpreter
from edgechain.runtime.slots import Attempt
from edgechain.runtime.supervisor import Supervisor
from edgechain.runtime.worker_wire import Lost, Ran
from edgechain.runtime.zygote_process import ZygoteProcess
from edgechain.spec.chain import ChainManifest
from edgechain.spec.deadline import Deadline
from tests.benchmarks.processor import resident_megabytes
from tests.faults.mutants import Original, mutant
from tests.faults.weighing import descriptors
from tests.runtime.keys import hop, key

AT_ONCE = 2
BUDGET = 1.0
LOAD_SECONDS = 5.0
HUNG_SECONDS = 1.0
"""Of stages that never ran; a board's 30 s are for slower processors than these models need."""

ADDRESS_SPACE = 6 << 30
"""Bytes a process may map: some models ask for more than there is, and others share the machine."""

WARM_UP = 200
"""Models after which the daemon has what it needs."""

LARGE_IN = 10
"""Of so many models one is large: a small one takes milliseconds."""


class Eater:
    """What a daemon does with models, and what became of them."""

    def __init__(self, folder: Path, originals: list[Path]):
        self._folder = folder
        self._manifests = [load_manifest(path) for path in originals]
        self._originals = [_original(path) for path in originals]
        self._zygote = ZygoteProcess("auto")
        self.ends: Counter[str] = Counter()

    async def eat(self, count: int) -> None:
        """All of them; what they leave is measured after the first ones and at the end."""
        warm = min(WARM_UP, count // 2)
        await self._eat(range(warm))
        before = self._measured()
        await self._eat(range(warm, count))
        say(ends=self.ends, before=before, after=self._measured())
        await self._zygote.close()

    async def _eat(self, numbers: range) -> None:
        """Some at the same time."""
        left = iter(numbers)

        async def work(place: int) -> None:
            for number in left:
                end, reason = await self._taste(number, self._folder / str(place))
                self.ends[end] += 1
                say(number=number, end=end, reason=reason)

        await asyncio.gather(*(work(place) for place in range(AT_ONCE)))

    def _measured(self) -> dict[str, float]:
        gc.collect()
        with suppress(AttributeError):  # glibc: what is free is no leak
            ctypes.CDLL(None).malloc_trim(0)
        pid = os.getpid()
        return {
            "zygote": self._zygote.pid,
            "descriptors": descriptors(pid),
            "megabytes": resident_megabytes(pid),
        }

    async def _taste(self, number: int, folder: Path) -> tuple[str, str]:
        """How a model ended: refused, ran, failed, lost at load, lost in its run."""
        which = pick(number, len(self._originals))
        content = mutant(self._originals[which], number)
        manifest = await asyncio.to_thread(write_mutant, folder, self._manifests[which], content)
        try:
            return await self._run(manifest, folder)
        except InvalidChain as error:
            return "refused", str(error)
        except WorkerLost as error:
            return "lost at load", str(error)

    async def _run(self, manifest: ChainManifest, folder: Path) -> tuple[str, str]:
        (stage,) = manifest.stages
        ended: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        clock = SystemClock()
        supervisor = Supervisor(
            manifest,
            folder,
            [stage.name],
            slots=1,
            threads=1,
            interpreter="auto",
            clock=clock,
            zygote=self._zygote,
        )
        async with supervisor:
            attempt = Attempt(
                key(0), (hop("here"),), 0, Deadline.after(clock.now(), BUDGET), {stage.name}
            )
            running = asyncio.create_task(
                supervisor.run(
                    lambda _, __, outcome: None if ended.done() else ended.set_result(outcome)
                )
            )
            for tensor in stage.inputs:
                self._ask(supervisor, manifest, attempt, tensor)
            await asyncio.wait((ended, running), return_when=asyncio.FIRST_COMPLETED)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        match ended.result():
            case Ran():
                return "ran", ""
            case Lost(reason):
                return "lost in its run", reason
            case reason:
                return "failed", str(reason)

    def _ask(
        self, supervisor: Supervisor, manifest: ChainManifest, attempt: Attempt, tensor: str
    ) -> None:
        index = manifest.tensor_index[tensor]
        spec = manifest.edges[index].tensor
        value = np.random.default_rng(1).integers(0, 100, spec.shape).astype(spec.dtype)
        supervisor.region(0, index, value.nbytes)[:] = value.tobytes()
        attempt.shapes[index] = value.shape
        supervisor.actors[manifest.stages[0].name].deliver(attempt, index)


def pick(number: int, originals: int) -> int:
    """Which original a mutant is made of; the first two are small and mostly taken."""
    if number % LARGE_IN == 0 and originals > 2:
        return 2 + number // LARGE_IN % (originals - 2)
    return number % 2


def write_mutant(folder: Path, manifest: ChainManifest, content: bytes) -> ChainManifest:
    """A chain directory whose only stage is this file; the manifest says it is as it should be."""
    (stage,) = manifest.stages
    folder.mkdir(exist_ok=True)
    (folder / str(stage.file)).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    fields: dict[str, Any] = {name: getattr(manifest, name) for name in type(manifest).model_fields}
    fields["stages"] = (stage.model_copy(update={"sha256": sha256}),)
    del fields["generation"], fields["format"]
    return ChainManifest.sealed(**fields)


def _original(directory: Path) -> Original:
    (stage,) = load_manifest(directory).stages
    return Original(directory.name, (directory / str(stage.file)).read_bytes())


def eat_directly(count: int, originals: list[Path]) -> None:
    """Load and run them here."""
    known = [_original(path) for path in originals]
    for number in range(count):
        content = mutant(known[pick(number, len(known))], number)
        with suppress(EdgechainError, MemoryError), open_interpreter(content) as interpreter:
            asked = [np.zeros(one["shape"], one["dtype"]) for one in interpreter._inputs]
            interpreter.run(asked)
        say(number=number)


def say(**what: object) -> None:
    """One line of JSON."""
    print(json.dumps(what), flush=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--directly", action="store_true")
    parser.add_argument("count", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("originals", type=Path, nargs="+")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if options.directly:
        eat_directly(options.count, options.originals)
        return
    worker_process.LOAD_SECONDS = LOAD_SECONDS
    patience.NEVER_RAN_SECONDS = HUNG_SECONDS
    uvloop.run(Eater(options.folder, options.originals).eat(options.count))


if __name__ == "__main__":
    main()
