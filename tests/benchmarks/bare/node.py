"""A stage without the promise: the same stream, worker and memory, and nothing around them.

python -m tests.benchmarks.bare.node DIRECTORY STAGE

What comes in is copied into a slot that the client has numbered, what a stage makes goes to
whoever the manifest names. No leases, no admission, no routes, no deadlines, no tombstones; one
stage a process, one process a stage, and a request that goes wrong ends the measurement.
"""

from __future__ import annotations

import asyncio
import sys
import time
from functools import partial
from math import prod
from pathlib import Path

import uvloop

from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.clock import SystemClock
from edgechain.runtime.slots import Attempt
from edgechain.runtime.supervisor import Supervisor
from edgechain.runtime.worker_wire import Lost, Outcome, Ran, Resting
from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import Generation, Incarnation, RequestKey, StageName
from edgechain.spec.message import Chunk, Control, Hello, Hop, Role, TensorSend, Welcome
from edgechain.transport.link import Link
from edgechain.transport.links import Links
from edgechain.transport.memory import tune_allocator
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream
from tests.benchmarks import child
from tests.benchmarks.settings import IN_FLIGHT, THREADS

HOST = "127.0.0.1"
NAMESPACE = "bare"
NEVER = Deadline(float(1 << 30))


class StageFailed(Exception):
    """A stage did not run; what is measured means nothing."""


class BareNode:
    """One stage, its port, and its streams to whoever takes what it makes."""

    def __init__(self, directory: Path, stage: StageName):
        self._manifest = load_manifest(directory)
        self._stage = self._manifest.stage[stage]
        self._hop = Hop(stage, Incarnation(1))
        self._generation = Generation(self._manifest.generation)
        self.supervisor = Supervisor(
            *(self._manifest, directory, (stage,)),
            slots=IN_FLIGHT,
            threads=THREADS,
            interpreter="auto",
            clock=SystemClock(),
        )
        self._actor = self.supervisor.actors[stage]
        self._under_way: dict[RequestKey, Attempt] = {}
        self._client: PeerStream | None = None
        self._targets: dict[StageName, PeerStream] = {}
        self._linked = asyncio.Event()
        self._server = NodeServer(
            self._accept,
            status=lambda: "{}",
            manifest=lambda: "",
            now=time.monotonic,
            security=None,
        )
        name, generation = self._manifest.name, self._generation
        hello = Hello(Role.NODE, stage, NAMESPACE, name, generation)
        self._links = Links(hello, self, time.monotonic, None)

    async def __aenter__(self) -> int:
        await self.supervisor.__aenter__()
        return await self._server.start(HOST, 0)

    async def __aexit__(self, *exc: object) -> None:
        await self._links.close("measured")
        await self._server.stop()
        await self.supervisor.__aexit__()

    @property
    def worker(self) -> int:
        """The process id of its worker."""
        return self._actor.statistics().pid

    async def link(self, ports: dict[StageName, int]) -> None:
        """Open a stream to every stage that takes something from this one."""
        made = [edge for edge in self._manifest.edges if edge.source == self._stage.name]
        wanted = {target for edge in made for target in edge.targets}
        for stage in wanted:
            self._links.reach(stage, (f"{HOST}:{ports[stage]}",), name=stage)
        while self._targets.keys() != wanted:
            await self._linked.wait()
            self._linked.clear()

    # Streams -----------------------------------------------------------------------------------

    async def _accept(self, stream: PeerStream, hello: Hello) -> None:
        stages = (self._stage.name,)
        welcome = Welcome(self._hop, NAMESPACE, hello.chain, self._generation, stages)
        stream.send(welcome)
        if hello.role is Role.CLIENT:
            self._client = stream
        await stream.run(self)

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        self._targets[welcome.hop.node] = stream
        self._linked.set()

    def on_down(self, link: Link, reason: str) -> None:
        """It is over; who waits for an answer notices."""

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Nothing is agreed upon."""

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        attempt = self._under_way.get(chunk.key) or self._begin(chunk.key)
        if chunk.offset == 0:
            attempt.shapes[chunk.tensor] = chunk.shape
        end = chunk.offset + len(chunk.data)
        region = self.supervisor.region(attempt.slot, chunk.tensor, chunk.total)
        region[chunk.offset : end] = chunk.data
        if end == chunk.total:
            self._actor.deliver(attempt, chunk.tensor)

    def _begin(self, key: RequestKey) -> Attempt:
        slot = key.sequence % IN_FLIGHT
        attempt = self._under_way[key] = Attempt(key, (), slot, NEVER, {self._stage.name})
        return attempt

    # The stage ---------------------------------------------------------------------------------

    def report(self, attempt: Attempt, stage: StageName, outcome: Outcome | Resting) -> None:
        """Pass on what the stage made."""
        if isinstance(outcome, Lost | Resting | str):
            raise StageFailed(str(outcome))
        self._pass_on(attempt, outcome)

    def _pass_on(self, attempt: Attempt, ran: Ran) -> None:
        for name, shape in zip(self._stage.outputs, ran.shapes, strict=True):
            tensor = self._manifest.tensor_index[name]
            edge = self._manifest.edges[tensor]
            streams = [self._targets[stage] for stage in edge.targets]
            if edge.to_client and self._client is not None:
                streams.append(self._client)
            size = prod(shape) * edge.tensor.dtype.itemsize
            region = self.supervisor.region(attempt.slot, tensor, size)
            attempt.sending += len(streams)
            done = partial(self._sent, attempt)
            for stream in streams:
                stream.send_tensor(TensorSend(attempt.key, tensor, shape, (), NEVER, region, done))

    def _sent(self, attempt: Attempt, whole: bool) -> None:
        attempt.sending -= 1
        if not attempt.sending:
            self._under_way.pop(attempt.key, None)


async def _run(directory: Path, stage: str) -> None:
    node = BareNode(directory, stage)

    async def handle(command: child.Answer) -> child.Answer:
        await node.link(command["ports"])
        return {}

    async with node as port:
        working = asyncio.create_task(node.supervisor.run(node.report))
        obeying = asyncio.create_task(child.obey({"port": port, "worker": node.worker}, handle))
        done, _ = await asyncio.wait((working, obeying), return_when=asyncio.FIRST_COMPLETED)
        for task in (working, obeying):
            task.cancel()
        await asyncio.gather(working, obeying, return_exceptions=True)
        for task in done:
            task.result()


if __name__ == "__main__":
    tune_allocator()
    uvloop.run(_run(Path(sys.argv[1]), sys.argv[2]))
