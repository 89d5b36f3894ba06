"""One side of one contender, in a process of its own.

python -m tests.benchmarks.wires CONTENDER server [--identity DIRECTORY]
python -m tests.benchmarks.wires CONTENDER client PORT [--identity DIRECTORY]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import uvloop

from edgechain.spec.identity import LinkSecurity
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

OURS = frozenset({"hop", "hop-tls", "control"})
TUNED = OURS | {"unary-tuned"}
"""Whose processes begin like a node does, with the allocator; the others keep the defaults."""


def _security(identity: str) -> LinkSecurity | None:
    if not identity:
        return None
    from edgechain.security.identity import load_identity  # noqa: PLC0415

    return load_identity(Path(identity))


def _server(contender: str, slots: Slots, identity: str) -> Server:
    if contender in OURS:
        from tests.benchmarks.wires.ours import OurServer  # noqa: PLC0415

        return OurServer(slots, crippled=contender == "control", security=_security(identity))
    if contender == "raw":
        from tests.benchmarks.wires.raw import RawServer  # noqa: PLC0415

        return RawServer(slots)
    from tests.benchmarks.wires.unary import UnaryServer  # noqa: PLC0415

    return UnaryServer(slots)


def _client(contender: str, port: int, given: Slots, received: Slots, identity: str) -> Client:
    if contender in OURS:
        from tests.benchmarks.wires.ours import OurClient  # noqa: PLC0415

        crippled, security = contender == "control", _security(identity)
        return OurClient(port, given, received, crippled=crippled, security=security)
    if contender == "raw":
        from tests.benchmarks.wires.raw import RawClient  # noqa: PLC0415

        return RawClient(port, given, received)
    from tests.benchmarks.wires.unary import UnaryClient  # noqa: PLC0415

    return UnaryClient(port, given, received)


async def serve(contender: str, identity: str) -> None:
    """Answer the other side until our input ends."""
    server = _server(contender, Slots(), identity)
    port = await server.start()

    async def nothing(_command: child.Answer) -> child.Answer:
        return {}

    try:
        await child.obey({"port": port}, nothing)
    finally:
        await server.stop()


async def ask(contender: str, port: int, identity: str) -> None:
    """Measure on command: ``{"what", "bytes", "count"}``."""
    given, received = Slots(), Slots()
    given.fill()
    client = _client(contender, port, given, received, identity)
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
    parser.add_argument("--identity", default="")
    options = parser.parse_args()
    if options.contender in TUNED:
        tune_allocator()
    if options.side == "server":
        uvloop.run(serve(options.contender, options.identity))
    else:
        uvloop.run(ask(options.contender, options.port, options.identity))


if __name__ == "__main__":
    main()
