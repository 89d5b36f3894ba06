"""A client on the switch of emulated boards, which keeps a chain busy; in a process of its own.

python -m tests.benchmarks.boards.client NETWORK_NAMESPACE [CONTROL_GROUP'S_PROCESSES]

Commands: ``connect``, ``answers`` to seeded inputs, ``busy`` for some seconds, ``leave``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

import edgechain
from edgechain.client.chain import IN_FLIGHT, Chain
from edgechain.model.samples import random_array
from edgechain.spec.chain import ChainManifest
from edgechain.transport.memory import tune_allocator
from tests.benchmarks.chain_side.sample import fingerprint
from tests.benchmarks.child import Answer, obey
from tests.faults.namespaces import enter

DEADLINE_SECONDS = 300.0
"""A board with a tenth of a processor has time."""

Inputs = dict[str, NDArray[Any]]


def seeded(manifest: ChainManifest, seed: int) -> Inputs:
    """An array for every input of the chain, by tensor name; open dimensions are 1."""
    random = np.random.default_rng(seed)
    specs = {edge.tensor.name: edge.tensor for edge in manifest.edges}
    return {
        port.tensor: random_array(
            specs[port.tensor].dtype, tuple(abs(n) for n in specs[port.tensor].shape), random
        )
        for port in manifest.inputs
    }


class Crowd:
    """As many connections as it takes to have enough requests under way."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._chains: list[Chain] = []

    async def handle(self, command: Answer) -> Answer:
        """One command."""
        match command["what"]:
            case "connect":
                return await self.connect(command["connections"], command["where"])
            case "answers":
                return {"fingerprints": [await self.answer(seed) for seed in command["seeds"]]}
            case "busy":
                return await self.busy(command["seconds"])
        await self.leave()
        return {}

    async def connect(self, connections: int, where: Answer) -> Answer:
        """Open connections to the chain at the addresses of its nodes."""
        name, rest = where["chain"], {k: v for k, v in where.items() if k != "chain"}
        for _ in range(connections):
            opened = edgechain.connect(name, timeout=DEADLINE_SECONDS, **rest)
            self._chains.append(await self._stack.enter_async_context(opened))
        return {}

    async def answer(self, seed: int) -> str:
        """Fingerprint of the answer to one seeded input."""
        chain = self._chains[0]
        result = await chain.infer(seeded(chain.manifest, seed), deadline=DEADLINE_SECONDS)
        return fingerprint(result.outputs.values())

    async def busy(self, seconds: float) -> Answer:
        """Requests on all connections for so long; when each of them was answered."""
        begin = time.perf_counter()
        ends: list[float] = []
        streams = (self._stream(chain, begin + seconds, ends) for chain in self._chains)
        await asyncio.gather(*streams)
        return {"answered": sorted(end - begin for end in ends)}

    async def _stream(self, chain: Chain, end: float, ends: list[float]) -> None:
        frames = _until(end, seeded(chain.manifest, 0))
        stream = chain.stream(frames, in_flight=IN_FLIGHT, deadline=DEADLINE_SECONDS)
        async for result in stream:
            if result.error is not None:
                raise result.error
            ends.append(time.perf_counter())

    async def leave(self) -> None:
        """Hang up; may be called twice."""
        self._chains.clear()
        await self._stack.aclose()


def _until(end: float, inputs: Inputs) -> Iterator[Inputs]:
    while time.perf_counter() < end:
        yield inputs


async def _run() -> None:
    crowd = Crowd()
    try:
        await obey({}, crowd.handle)
    finally:
        await crowd.leave()


if __name__ == "__main__":
    tune_allocator()
    for members in sys.argv[2:]:
        Path(members).write_text(str(os.getpid()))
    enter(sys.argv[1])
    uvloop.run(_run())
