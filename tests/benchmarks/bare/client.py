"""A client without the promise: it numbers the slots itself and waits for what comes.

python -m tests.benchmarks.bare.client DIRECTORY

Commands: ``connect`` with the ``ports`` of the stages' nodes, ``latency``, ``throughput``,
``leave``; the same as those of a real client.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sys
import time
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
import uvloop

from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.ids import Generation, RequestKey, StageName, new_client_id
from edgechain.spec.message import Chunk, Control, Hello, Role, TensorSend, Welcome
from edgechain.transport.link import Link
from edgechain.transport.links import Links
from edgechain.transport.memory import tune_allocator
from edgechain.transport.stream import PeerStream
from tests.benchmarks.bare.node import HOST, NAMESPACE, NEVER
from tests.benchmarks.chain_side.sample import Array, fingerprint, sample
from tests.benchmarks.child import Answer, obey
from tests.benchmarks.settings import IN_FLIGHT


class Waiting:
    """One request under way: its outputs as they come."""

    def __init__(self, missing: set[int]) -> None:
        self.missing = missing
        self.outputs: dict[int, Array] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class BareClient:
    """Streams to all nodes, and requests by their key."""

    def __init__(self, directory: Path) -> None:
        self._manifest = load_manifest(directory)
        self._generation = Generation(self._manifest.generation)
        self._me, self._session = new_client_id(), secrets.randbits(63)
        hello = Hello(
            *(Role.CLIENT, "bare", NAMESPACE, self._manifest.name, self._generation),
            client=self._me,
            session=self._session,
        )
        self._links = Links(hello, self, time.monotonic, None)
        self._streams: dict[StageName, PeerStream] = {}
        self._linked = asyncio.Event()
        self._inputs = sample(self._manifest)
        self._turn = itertools.count()
        self._waiting: dict[RequestKey, Waiting] = {}

    async def handle(self, command: Answer) -> Answer:
        """One command."""
        match command["what"]:
            case "connect":
                return await self._connect(command["ports"])
            case "latency":
                return await self._latency(command["count"])
            case "throughput":
                return await self._throughput(command["count"], command["in_flight"])
        await self._links.close("measured")
        return {}

    async def _connect(self, ports: dict[StageName, int]) -> Answer:
        for stage, port in ports.items():
            self._links.reach(stage, (f"{HOST}:{port}",), name=stage)
        while self._streams.keys() != ports.keys():
            await self._linked.wait()
            self._linked.clear()
        return {"fingerprint": fingerprint((await self._infer(0, next(self._turn))).values())}

    async def _latency(self, count: int) -> Answer:
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            await self._infer(0, next(self._turn))
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    async def _throughput(self, count: int, in_flight: int) -> Answer:
        left = iter(range(count))
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for lane in range(in_flight):
                group.create_task(self._keep_asking(lane, left))
        return {"seconds": [time.perf_counter() - start]}

    async def _keep_asking(self, lane: int, left: Iterator[int]) -> None:
        for _ in left:
            await self._infer(lane, next(self._turn))

    async def _infer(self, lane: int, turn: int) -> dict[str, Array]:
        """One request; no two lanes share a slot."""
        sequence = turn * IN_FLIGHT + lane
        key = RequestKey(self._generation, self._me, self._session, sequence, 1)
        waiting = self._waiting[key] = Waiting(set(self._manifest.output_edges))
        for number in self._manifest.input_edges:
            edge = self._manifest.edges[number]
            value = self._inputs[edge.tensor.name]
            payload = memoryview(value.reshape(-1).view(np.uint8).data)
            send = TensorSend(key, number, value.shape, (), NEVER, payload, _nothing)
            for stage in edge.targets:
                self._streams[stage].send_tensor(send)
        await waiting.done
        del self._waiting[key]
        ports = zip(self._manifest.outputs, self._manifest.output_edges, strict=True)
        return {port.name: waiting.outputs[number] for port, number in ports}

    # Streams -----------------------------------------------------------------------------------

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        self._streams[welcome.hop.node] = stream
        self._linked.set()

    def on_down(self, link: Link, reason: str) -> None:
        for waiting in self._waiting.values():
            waiting.done.set_exception(ConnectionError(reason))

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Nothing is agreed upon."""

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        waiting, spec = self._waiting[chunk.key], self._manifest.edges[chunk.tensor].tensor
        if chunk.offset == 0:
            waiting.outputs[chunk.tensor] = np.empty(prod(chunk.shape), spec.dtype.numpy).reshape(
                chunk.shape
            )
        end = chunk.offset + len(chunk.data)
        flat = waiting.outputs[chunk.tensor].reshape(-1).view(np.uint8)
        flat[chunk.offset : end] = np.frombuffer(chunk.data, np.uint8)
        if end == chunk.total:
            waiting.missing.discard(chunk.tensor)
            if not waiting.missing:
                waiting.done.set_result(None)


def _nothing(_whole: bool) -> None:
    """The array stays where it is."""


async def _run(directory: Path) -> None:
    await obey({}, BareClient(directory).handle)


if __name__ == "__main__":
    tune_allocator()
    uvloop.run(_run(Path(sys.argv[1])))
