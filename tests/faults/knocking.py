"""Strangers at a real node, and a real node at strangers: who gets in, and what the log says."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgechain.errors import Unauthorized, Unavailable
from edgechain.spec.ids import Generation, Incarnation, new_client_id
from edgechain.spec.message import Chunk, Control, Hello, Hop, Role, Welcome
from edgechain.transport.link import Link
from edgechain.transport.questions import fetch_manifest, fetch_status
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream
from tests.faults.hash_chain import HashChain
from tests.faults.processes import NODE, NodeProcess, write_config
from tests.faults.running import LOOPBACK
from tests.faults.strangers import ASKED, Fleet, Stranger
from tests.ports import free_ports

WITHIN = 10.0
NAMESPACE = "identities"


@dataclass
class Owner:
    """Whoever holds a link that should not be there; ``is_in`` is set when it is."""

    is_in: asyncio.Event = field(default_factory=asyncio.Event)
    """Welcome was heard and believed."""
    is_out: asyncio.Event = field(default_factory=asyncio.Event)

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        self.is_in.set()

    def on_down(self, link: Link, reason: str) -> None:
        self.is_out.set()

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """Nothing."""

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Nothing."""


@asynccontextmanager
async def linked(
    address: str, security: Any, role: Role, name: str, chain: HashChain
) -> AsyncIterator[tuple[Link, Owner]]:
    """A link of somebody who says that it is this."""
    client = new_client_id() if role is Role.CLIENT else None
    generation = Generation(chain.manifest.generation)
    hello = Hello(role, name, NAMESPACE, chain.manifest.name, generation, client, want_slots=1)
    owner = Owner()
    link = Link((address,), hello, owner, time.monotonic, security=security)
    task = asyncio.create_task(link.run())
    try:
        yield link, owner
    finally:
        link.close("the test is over")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def knock(address: str, who: Stranger, chain: HashChain) -> int:
    """How many of its three ways in are open to somebody: a stream, and two questions."""
    async with linked(address, who.security, who.role, who.name, chain) as (link, owner):
        while not (owner.is_in.is_set() or link.last_error):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.002)
    return owner.is_in.is_set() + (0 if who.is_member else await _questions(address, who))


async def _questions(address: str, who: Stranger) -> int:
    answered = 0
    for ask in (fetch_status, fetch_manifest):
        try:
            answered += bool(await ask(address, WITHIN, security=who.security))
        except (Unauthorized, Unavailable):
            continue
    return answered


# A node under test -------------------------------------------------------------------------------


@asynccontextmanager
async def node_process(
    folder: Path, fleet: Fleet, *, peers: Sequence[str] = (), module: str = NODE, **config: Any
) -> AsyncIterator[NodeProcess]:
    """The node ``pi-a``, which runs the first of two stages; its log says what gRPC says too."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits
    (port,) = free_ports(1)
    usual = {
        "name": ASKED,
        "identity": str(fleet.path(ASKED)),
        "chain": str(fleet.folder / "chain"),
        "stages": ["first"],
        "namespace": NAMESPACE,
        "host": LOOPBACK,
        "port": port,
        "discovery": "static",
        "peers": list(peers),
        "threads": 1,
    }
    path = write_config(folder / f"{ASKED}.yaml", usual | config)
    address = f"{LOOPBACK}:{port}"
    security = fleet.member("laptop")
    reading, writing = os.pipe()
    node = NodeProcess(ASKED, ("first",), path, address, security, reading, module)
    try:
        with _talkative():
            await node.start()
        await node.hears("listening")
        yield node
    finally:
        await node.end()
        os.close(reading)
        os.close(writing)


@contextmanager
def _talkative() -> Iterator[None]:
    """gRPC says nothing in the processes of `make faults`; a node's log is another matter."""
    before = os.environ.pop("GRPC_VERBOSITY", None)
    try:
        yield
    finally:
        if before is not None:
            os.environ["GRPC_VERBOSITY"] = before


async def said(node: NodeProcess, pattern: str, within: float = WITHIN) -> bool:
    """Wait until the node's log has words like these."""
    end = time.monotonic() + within
    while not re.search(pattern, node.log.read_text(errors="replace")):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


# Strangers that answer ---------------------------------------------------------------------------


@asynccontextmanager
async def answering(
    strangers: Sequence[Stranger], chain: HashChain
) -> AsyncIterator[dict[str, str]]:
    """Everybody's address by kind; each says it runs what ``pi-a`` is looking for."""
    async with AsyncExitStack() as stack:
        found = {}
        for who in strangers:
            server = _server(who, chain)
            port = await server.start(LOOPBACK, 0)
            stack.push_async_callback(server.stop)
            found[who.kind] = f"{LOOPBACK}:{port}"
        yield found


def _server(who: Stranger, chain: HashChain) -> NodeServer:
    generation = Generation(chain.manifest.generation)
    hop = Hop(who.name, Incarnation(1))

    async def accept(stream: PeerStream, hello: Hello) -> None:
        welcome = Welcome(hop, NAMESPACE, chain.manifest.name, generation, ("last",))
        if who.security is not None:
            welcome = who.security.sign_welcome(welcome, hello)
        stream.send(welcome)
        await stream.run(Owner())

    return NodeServer(accept, status=str, manifest=str, now=time.monotonic, security=who.security)


def believing_both(folder: Path, fleet: Fleet, other: bytes) -> Path:
    """``pi-a``'s identity, which believes another authority as well."""
    folder.mkdir(mode=0o700, parents=True)
    for path in fleet.path(ASKED).iterdir():
        data = path.read_bytes() + (other if path.name == "authority.pem" else b"")
        (folder / path.name).write_bytes(data)
        (folder / path.name).chmod(0o600)
    return folder
