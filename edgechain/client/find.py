"""From what a caller names (a directory or a chain's name) to nodes and a manifest."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edgechain.discovery.interfaces import multicast_addresses
from edgechain.discovery.local import LocalChain, find_chain, running_chains
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import InvalidDocument, ProtocolError, Unauthorized, Unavailable, UnknownChain
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import parse
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_manifest, fetch_status

RETRY_SECONDS = 0.1
STRIKES = 2
"""Who hangs up in the handshake may not want us, or may be ending at that moment."""
ANSWER_SECONDS = 2.0
"""After this the next address has its turn."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node may be; ``name`` is who must answer there, anyone if empty."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A chain that answers: what it is called there, and its manifest."""

    name: str
    manifest: ChainManifest


def as_directory(target: str) -> Path | None:
    """The chain directory that ``target`` names, if it names one."""
    path = Path(target)
    if path.name == "chain.yaml" and path.is_file():
        return path.parent
    return path if path.is_dir() and (path / "chain.yaml").is_file() else None


def find_local(target: str) -> LocalChain | None:
    """The chain that `up` runs on this machine under this name, or from this directory."""
    directory = as_directory(target)
    if directory is None:
        return find_chain(target)
    generation = load_manifest(directory).generation
    return next((c for c in running_chains() if c.generation == generation), None)


def places_of(chain: LocalChain) -> tuple[Place, ...]:
    """Where the nodes of a chain on this machine are."""
    return tuple(Place(node.address, node.name) for node in chain.nodes)


def matches(hint: PeerHint, target: str, manifest: ChainManifest | None) -> bool:
    """Whether an announced node belongs to what was asked for."""
    if manifest is not None:
        return manifest.generation.startswith(hint.generation)
    return hint.chain == target


async def manifest_at(address: str, security: LinkSecurity | None = None) -> ChainManifest:
    """A node's manifest, checked. Raises ``Unavailable``, ``Unauthorized`` or ``ProtocolError``."""
    try:
        return parse(
            ChainManifest,
            await fetch_manifest(address, ANSWER_SECONDS, security=security),
            file=f"the manifest at {address}",
        )
    except InvalidDocument as error:
        raise ProtocolError(str(error)) from error


async def manifest_of(hint: PeerHint, security: LinkSecurity | None = None) -> ChainManifest:
    """A node's manifest from the first of its addresses that answers.

    A board announces every address it has, and not all of them lead there from everywhere.
    Raises ``Unavailable``, ``Unauthorized`` or ``ProtocolError`` when none does.
    """
    *others, last = hint.addresses
    for address in others:
        try:
            return await manifest_at(address, security)
        except (Unavailable, Unauthorized, ProtocolError):
            continue
    return await manifest_at(last, security)


async def find_at(
    places: tuple[Place, ...],
    name: str | None,
    timeout: float,
    security: LinkSecurity | None = None,
) -> Found:
    """Ask known addresses for the chain, again while their nodes may still be starting.

    Raises ``UnknownChain`` when none has answered after ``timeout`` seconds, and ``Unauthorized``
    as soon as none is left that could be one of ours.
    """
    reason = "none was heard of in time"
    strangers: Counter[str] = Counter()
    try:
        async with asyncio.timeout(timeout):
            for place in itertools.cycle(places):
                try:
                    manifest = await manifest_at(place.address, security)
                except Unavailable as error:
                    reason = error.reason
                    await asyncio.sleep(RETRY_SECONDS)
                except Unauthorized as error:
                    strangers[place.address] += 1
                    if all(strangers[place.address] >= STRIKES for place in places):
                        raise
                    reason = str(error)
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    return Found(name or manifest.name, manifest)
    except TimeoutError:
        pass
    asked = ", ".join(place.address for place in places)
    raise UnknownChain(f"no node answers at {asked}: {reason}")


async def find_listed(
    look: Callable[[], Awaitable[Sequence[Place]]],
    target: str,
    manifest: ChainManifest | None,
    timeout: float,
    security: LinkSecurity | None = None,
) -> Found | None:
    """The chain among the nodes that a registry lists, of all of the fleet's chains.

    With a ``manifest`` the nodes of its generation are meant, else those of the chain called
    ``target``. ``None`` when none of them has answered after ``timeout`` seconds. Raises
    ``Unauthorized`` when they answer, and none as one of ours.
    """
    strangers: list[Unauthorized] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            while True:
                asking = [_described(place, security, strangers) for place in await look()]
                async with aclosing(_as_they_answer(asking)) as answers:
                    async for found in answers:
                        if found.manifest == manifest or (not manifest and found.name == target):
                            return found
                await asyncio.sleep(RETRY_SECONDS)
    if strangers:
        raise strangers[0]
    return None


async def _as_they_answer(
    asking: Sequence[Coroutine[Any, Any, Found | None]],
) -> AsyncGenerator[Found]:
    """What is said, the quickest first; whoever has heard enough waits for nobody else."""
    tasks = {asyncio.create_task(one) for one in asking}
    waiting = set(tasks)
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (found := task.result()) is not None:
                    yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _described(
    place: Place, security: LinkSecurity | None, strangers: list[Unauthorized]
) -> Found | None:
    """What a node says that it runs; who does not answer as one of ours is noted."""
    with suppress(Unavailable, ProtocolError, ValidationError):
        try:
            said = await fetch_status(place.address, ANSWER_SECONDS, security=security)
            manifest = await manifest_at(place.address, security)
            return Found(NodeStatus.model_validate_json(said).chain, manifest)
        except Unauthorized as error:
            strangers.append(error)
    return None


@asynccontextmanager
async def watched(table: PeerTable) -> AsyncIterator[asyncio.Queue[PeerHint]]:
    """Nodes as mDNS reports them."""
    news: asyncio.Queue[PeerHint] = asyncio.Queue(table.capacity)

    def seen(hint: PeerHint) -> None:
        if table.seen(hint) and not news.full():
            news.put_nowait(hint)

    async with MdnsRegistry(multicast_addresses()) as registry:
        task = asyncio.create_task(registry.watch(seen, table.gone), name="mDNS watch")
        try:
            yield news
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
