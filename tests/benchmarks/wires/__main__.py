"""One side of one contender, in a process of its own.

python -m tests.benchmarks.wires CONTENDER server
python -m tests.benchmarks.wires CONTENDER client PORT
"""

from __future__ import annotations

import argparse
from typing import Any

import uvloop

from edgechain.transport.memory import tune_allocator
from tests.benchmarks import child
from tests.benchmarks.wires.contender import (
    Client,
    Server,
    Slots,
    check,
    round_trips,
    stream,
)

TUNED = frozenset({"hop", "control", "unary-tuned"})
"""Whose processes begin like a node does, with the allocator; the others keep the defaults."""


def _server(contender: str, slots: Slots) -> Server:
    if contender in ("hop", "control"):
        from tests.benchmarks.wires.ours import OurServer  # noqa: PLC0415

        return OurServer(slots, crippled=contender == "control")
    if contender == "raw":
        from tests.benchmarks.wires.raw import RawServer  # noqa: PLC0415

        return RawServer(slots)
    from tests.benchmarks.wires.unary import UnaryServer  # noqa: PLC0415

    return UnaryServer(slots)


def _client(contender: str, port: int, given: Slots, received: Slots) -> Client:
    if contender in ("hop", "control"):
        from tests.benchmarks.wires.ours import OurClient  # noqa: PLC0415

        return OurClient(port, given, received, crippled=contender == "control")
    if contender == "raw":
        from tests.benchmarks.wires.raw import RawClient  # noqa: PLC0415

        return RawClient(port, given, received)
    from tests.benchmarks.wires.unary import UnaryClient  # noqa: PLC0415

    return UnaryClient(port, given, received)


async def serve(contender: str) -> None:
    """Answer the other side until our input ends."""
    server = _server(contender, Slots())
    port = await server.start()

    async def nothing(_command: child.Answer) -> child.Answer:
        return {}

    try:
        await child.obey({"port": port}, nothing)
    finally:
        await server.stop()


async def ask(contender: str, port: int) -> None:
    """Measure on command: ``{"what", "bytes", "count"}``."""
    given, received = Slots(), Slots()
    given.fill()
    client = _client(contender, port, given, received)
    await client.open()

    async def measure(command: child.Answer) -> dict[str, Any]:
        size, count = command["bytes"], command["count"]
        if command["what"] == "check":
            await check(client, given, received, size)
            return {}
        if command["what"] == "round_trip":
            return {"seconds": await round_trips(client, size, count)}
        return {"seconds": [await stream(client, size, count)]}

    try:
        await child.obey({}, measure)
    finally:
        await client.close()


def main() -> None:
    """Entry point of both sides."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contender")
    parser.add_argument("side", choices=("server", "client"))
    parser.add_argument("port", type=int, nargs="?", default=0)
    options = parser.parse_args()
    if options.contender in TUNED:
        tune_allocator()
    if options.side == "server":
        uvloop.run(serve(options.contender))
    else:
        uvloop.run(ask(options.contender, options.port))


if __name__ == "__main__":
    main()
