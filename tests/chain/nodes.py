"""Running chains: nodes inside the test's own loop, and nodes as processes of this machine."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgechain
from edgechain.client.chain import Chain
from edgechain.discovery.local import LocalChain
from edgechain.node.announcer import Announcer
from edgechain.node.daemon import Node
from edgechain.node.local import LocalChainRunner, LocalOptions
from edgechain.node.settings import settle
from edgechain.spec.config import NodeConfig
from tests.ports import free_ports
from tests.security.one_fleet import client_identity, node_identity

LOOPBACK = "127.0.0.1"
NAMESPACE = f"test-{uuid.uuid4().hex[:12]}"
"""Of this test process, so that chains of tests that run side by side do not meet."""

READY_SECONDS = 60.0

Placement = Mapping[str, Sequence[str]]
"""Node name to the stages it runs."""


class Herald(Announcer):
    """Notes what a node says to its parent."""

    def __init__(self) -> None:
        super().__init__(None)
        self._said: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def say(self, event: str, **details: Any) -> None:
        future = self.hears(event)
        if not future.done():
            future.set_result(details)

    def hears(self, event: str) -> asyncio.Future[dict[str, Any]]:
        if event not in self._said:
            self._said[event] = asyncio.get_running_loop().create_future()
        return self._said[event]


@dataclass
class LiveNode:
    """A node that runs in the test's loop."""

    node: Node
    herald: Herald
    task: asyncio.Task[None]

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.herald.hears('listening').result()['port']}"

    async def ready(self, event: str) -> None:
        """Wait for an event; a node that ends instead raises why."""
        heard = self.herald.hears(event)
        await asyncio.wait(
            (heard, self.task), timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not heard.done():
            self.task.result()
        assert heard.done(), f"{event} was not heard in {READY_SECONDS} s"

    async def stop(self) -> None:
        self.node.stop()
        await self.task


def slots_in_use(live: Mapping[str, LiveNode]) -> list[int]:
    """By every node, in their order."""
    return [node.node.status().slots_in_use for node in live.values()]


def launch(directory: Path, name: str, stages: Sequence[str], **config: Any) -> LiveNode:
    """Start a node in this loop; it finds others by mDNS on loopback."""
    usual: dict[str, Any] = {"port": 0, "host": LOOPBACK, "interfaces": (LOOPBACK,), "threads": 1}
    usual |= {"namespace": NAMESPACE, "identity": str(node_identity(name)), **config}
    noun = NodeConfig(name=name, chain=str(directory), stages=tuple(stages), **usual)
    herald = Herald()
    node = Node(settle(noun, base=directory, file="test"), herald)
    return LiveNode(node, herald, asyncio.create_task(node.run(), name=f"node {name}"))


def _known_addresses(placement: Placement) -> dict[str, dict[str, Any]]:
    """A port for every node, and everybody else's address as its peers."""
    ports = dict(zip(placement, free_ports(len(placement)), strict=True))
    return {
        name: {
            "discovery": "static",
            "port": port,
            "peers": tuple(f"{LOOPBACK}:{other}" for other in ports.values() if other != port),
        }
        for name, port in ports.items()
    }


async def until(condition: Callable[[], bool], what: str, within: float = READY_SECONDS) -> None:
    """Look again and again until something has become true."""
    try:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not in {within} s: {what}") from None


@asynccontextmanager
async def nodes(
    directory: Path,
    placement: Placement,
    *,
    static: bool = False,
    each: Mapping[str, dict[str, Any]] | None = None,
    await_links: bool = True,
    **config: Any,
) -> AsyncIterator[dict[str, LiveNode]]:
    """Nodes in this loop, linked to each other; ended cleanly. ``static``: without mDNS.

    ``each`` is what the configurations of single nodes say besides.
    """
    special = each or (_known_addresses(placement) if static else {})
    live = {
        name: launch(directory, name, stages, **config, **special.get(name, {}))
        for name, stages in placement.items()
    }
    try:
        for node in live.values():
            if await_links:
                await node.ready("linked")
            await node.ready("listening")
        yield live
    finally:
        for node in live.values():
            node.node.stop()
        await asyncio.gather(*(node.task for node in live.values()), return_exceptions=True)
    for node in live.values():
        node.task.result()


def connected(
    live: Mapping[str, LiveNode], timeout: float = READY_SECONDS
) -> AbstractAsyncContextManager[Chain]:
    """A client of these nodes, which it is told the addresses of."""
    peers = [node.address for node in live.values()]
    name = next(iter(live.values())).node.status().chain
    return edgechain.connect(
        name, peers=peers, namespace=NAMESPACE, timeout=timeout, identity=client_identity()
    )


@asynccontextmanager
async def processes(directory: Path, name: str, **options: Any) -> AsyncIterator[LocalChain]:
    """Every stage in a node process of its own, as ``edgechain up`` does it."""
    chosen = LocalOptions(**{"threads": 1, "namespace": NAMESPACE, **options})
    runner = LocalChainRunner(directory, name, chosen, detach=False, progress=lambda *_: None)
    async with runner:
        assert runner.chain is not None
        yield runner.chain


ENGINE = "event_engine"
"""gRPC's own pool. Its lifeguard adds a thread when the machine starves it, up to its own bound."""


def threads_of(pid: int, *, engine: bool = False) -> int:
    """A process's threads: all that are not gRPC's engine, or only those."""
    return sum((name == ENGINE) is engine for name in _thread_names(pid))


def _thread_names(pid: int) -> list[str]:
    names = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            names.append((thread / "comm").read_text().strip())
    return names
