"""One end of a link that is measured, in a process of its own.

    python -m tests.node.probing_end listen IDENTITY ADDRESS PORT [BURNT_MS]
    python -m tests.node.probing_end measure IDENTITY ADDRESS PORT SECONDS

The first lives until its standard input ends, and wastes so much of its processor on every message
that comes; the second says JSON of what it has measured. ``IDENTITY`` is a node's directory.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from edgechain.node.probing import LinkProber
from edgechain.security.identity import load_identity
from edgechain.transport.probe_call import measure_link
from edgechain.transport.probe_costs import Meter
from edgechain.transport.server import NodeServer
from tests.transport.test_link import Answerer

LISTENER, MEASURER = "listener", "measurer"


class Wasteful(LinkProber):
    """Burns processor whenever its meter is read, which is once for every message."""

    def __init__(self, burnt_ms: float):
        super().__init__(LISTENER, lambda _: (), None)
        self._burnt = burnt_ms / 1000

    def meter(self) -> Meter:
        honest = super().meter()

        def burning() -> float | None:
            start = time.process_time()
            while time.process_time() - start < self._burnt:
                pass
            return honest()

        return burning


async def listen(identity: str, address: str, port: str, burnt_ms: str = "0") -> None:
    """Be measured."""
    server = NodeServer(
        Answerer().accept,
        status=str,
        manifest=str,
        now=time.monotonic,
        security=load_identity(Path(identity)),
        prober=Wasteful(float(burnt_ms)),
    )
    await server.start(address, int(port))
    tell("listening")
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


async def measure(identity: str, address: str, port: str, seconds: str) -> None:
    """Measure the way there."""
    meter = LinkProber(MEASURER, lambda _: (), None).meter()
    security = load_identity(Path(identity))
    found = await measure_link(f"{address}:{port}", LISTENER, float(seconds), security, meter)
    tell(found.model_dump_json())


def tell(line: str) -> None:
    """Say something to whoever has started us."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> None:
    """Do as we are told."""
    what, *rest = words
    jobs: dict[str, Any] = {"listen": listen, "measure": measure}
    job: Coroutine[Any, Any, None] = jobs[what](*rest)
    uvloop.run(job)


if __name__ == "__main__":
    main(sys.argv[1:])
