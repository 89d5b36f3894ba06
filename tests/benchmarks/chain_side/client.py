"""A chain's client in a process of its own.

python -m tests.benchmarks.chain_side.client [DAWDLE_MS]

Commands: ``connect`` to a running chain, ``latency`` of requests one at a time, ``throughput``
of a stream, ``leave``. With ``DAWDLE_MS`` it burns so much time over every request: a control.
"""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import uvloop

import edgechain
from edgechain.client.chain import Chain
from edgechain.client.submit import Submitter
from edgechain.transport.memory import tune_allocator
from tests.benchmarks.chain_side.sample import Array, fingerprint, sample
from tests.benchmarks.child import Answer, obey


class Asker:
    """One connection at a time and one input that is sent again and again."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._chain: Chain | None = None
        self._inputs: dict[str, Array] = {}

    async def handle(self, command: Answer) -> Answer:
        """One command."""
        match command["what"]:
            case "connect":
                return await self.connect(
                    command["chain"], command["namespace"], command.get("insecure", False)
                )
            case "latency":
                return await self.latency(command["count"])
            case "throughput":
                return await self.throughput(command["count"], command["in_flight"])
        await self.leave()
        return {}

    async def connect(self, chain: str, namespace: str, insecure: bool) -> Answer:
        """Connect and have one request answered."""
        self._chain = await self._stack.enter_async_context(
            edgechain.connect(chain, namespace=namespace, insecure=insecure)
        )
        self._inputs = sample(self._chain.manifest)
        result = await self._chain.infer(self._inputs)
        return {"fingerprint": fingerprint(result.outputs.values())}

    async def latency(self, count: int) -> Answer:
        """Seconds of every request."""
        chain, seconds = self._connected(), []
        for _ in range(count):
            start = time.perf_counter()
            await chain.infer(self._inputs)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    async def throughput(self, count: int, in_flight: int) -> Answer:
        """Seconds for ``count`` requests together. Raises what a request ended with."""
        chain = self._connected()
        start = time.perf_counter()
        frames = (self._inputs for _ in range(count))
        async for result in chain.stream(frames, in_flight=in_flight):
            if result.error is not None:
                raise result.error
        return {"seconds": [time.perf_counter() - start]}

    async def leave(self) -> None:
        """Hang up; may be called twice."""
        self._chain = None
        await self._stack.aclose()

    def _connected(self) -> Chain:
        if self._chain is None:
            raise RuntimeError("connect comes first")
        return self._chain


def dawdle(milliseconds: float) -> None:
    """From now on this process wastes time whenever it begins a request."""
    begin = Submitter.open

    def dawdling(*arguments: Any, **options: Any) -> Any:
        end = time.perf_counter() + milliseconds / 1e3
        while time.perf_counter() < end:
            pass
        return begin(*arguments, **options)

    Submitter.open = dawdling  # type: ignore[method-assign]


async def _run() -> None:
    if len(sys.argv) > 1:
        dawdle(float(sys.argv[1]))
    asker = Asker()
    try:
        await obey({}, asker.handle)
    finally:
        await asker.leave()


if __name__ == "__main__":
    tune_allocator()  # as `edgechain camera` does
    uvloop.run(_run())
