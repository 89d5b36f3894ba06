"""One end of links and nothing else: it listens, or keeps links to an address full.

    python -m tests.faults.wire_end JOB

``JOB`` is JSON: ``listen`` (a port) or ``call`` (an address), ``links``, and what a control takes
away. What happens is said as a line of JSON on standard output, with the machine's monotonic time;
it ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import uvloop

from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import ClientId, Generation, Incarnation, RequestKey
from edgechain.spec.message import (
    Cancel,
    Chunk,
    Control,
    Hello,
    Hop,
    Role,
    TensorSend,
    Welcome,
)
from edgechain.transport.link import Link
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream
from tests.faults import crippled

GENERATION = Generation("0" * 64)
CLIENT = ClientId("0" * 32)
HERE = Hop("listener", Incarnation(1))

TENSOR_BYTES = 307_200
"""A frame of 320 x 320 in three colours, as int8."""

UNDER_WAY = 16
"""Tensors that wait on every link, so that it is never idle."""

BUDGET_SECONDS = 600.0
TICK_SECONDS = 0.1

WITHOUT = {
    "heartbeat": crippled.without_heartbeat,
    "pings": crippled.without_pings,
    "window": crippled.without_window,
}
"""What a control may take away."""


def tell(event: str, **details: Any) -> None:
    """Say what happened."""
    sys.stdout.write(json.dumps({"event": event, "at": time.monotonic(), **details}) + "\n")
    sys.stdout.flush()


class Listener:
    """Takes everything in, and says of each tensor when it is whole."""

    def __init__(self) -> None:
        self._server = NodeServer(
            self._accept, status=str, manifest=str, now=time.monotonic, security=None
        )
        self._bytes = 0

    async def start(self, port: int) -> None:
        """Listen on every address."""
        await self._server.start("0.0.0.0", port)
        tell("listening")

    async def stop(self) -> None:
        """Close the port."""
        await self._server.stop()

    async def _accept(self, stream: PeerStream, hello: Hello) -> None:
        stream.send(Welcome(HERE, hello.namespace, hello.chain, GENERATION, ()))
        await stream.run(self)
        tell("left", link=hello.name, reason=stream.reason, bytes=self._bytes)

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """A piece; it stays nowhere."""
        self._bytes += len(chunk.data)
        if chunk.offset + len(chunk.data) == chunk.total:
            stream.send(Cancel(chunk.key))

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Nothing is said to a listener."""


class Feeder:
    """Keeps one link full."""

    def __init__(self, name: str, address: str):
        hello = Hello(Role.NODE, name, "faults", "wire", GENERATION)
        self._name = name
        self._link = Link((address,), hello, self, time.monotonic, security=None)
        self._payload = memoryview(bytes(TENSOR_BYTES))
        self._sequence = self._arrived = 0

    async def run(self) -> None:
        """Until cancelled."""
        await self._link.run()

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        """Fill it."""
        tell("up", link=self._name)
        for _ in range(UNDER_WAY):
            self._feed(stream)

    def on_down(self, link: Link, reason: str) -> None:
        """It will come back by itself."""
        tell("down", link=self._name, reason=reason)

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """Nobody feeds us."""

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """A tensor has arrived: the next one."""
        if isinstance(control, Cancel):
            self._arrived += 1
            tell("arrived", link=self._name, bytes=self._arrived * TENSOR_BYTES)
            self._feed(stream)

    def _feed(self, stream: PeerStream) -> None:
        self._sequence += 1
        key = RequestKey(GENERATION, CLIENT, 1, self._sequence, 1)
        deadline = Deadline.after(time.monotonic(), BUDGET_SECONDS)
        shape = (TENSOR_BYTES,)
        send = TensorSend(key, 0, shape, (HERE,), deadline, self._payload, lambda _: None)
        stream.send_tensor(send)


async def tell_of_standstills() -> None:
    """Say when the event loop stood still, and for how long."""
    while True:
        due = time.monotonic() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        if (late := time.monotonic() - due) > TICK_SECONDS:
            tell("late", seconds=late)


async def live(job: Mapping[str, Any]) -> None:
    """Until standard input ends."""
    listener = Listener()
    if "listen" in job:
        await listener.start(job["listen"])
    feeders = [Feeder(f"link-{n}", job["call"]) for n in range(job.get("links", 0))]
    tasks = [asyncio.create_task(feeder.run()) for feeder in feeders]
    tasks.append(asyncio.create_task(tell_of_standstills()))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await listener.stop()


def main(job: Mapping[str, Any]) -> None:
    """Live, without what a control takes away."""
    with ExitStack() as stack:
        for protection in job.get("without", ()):
            stack.enter_context(WITHOUT[protection]())
        uvloop.run(live(job))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
