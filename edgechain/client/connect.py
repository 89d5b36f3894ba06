"""From a chain's name or directory to an open connection: ``connect``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain.client.caller import Caller
from edgechain.client.chain import Chain
from edgechain.client.credentials import StrPath, client_security
from edgechain.client.find import (
    Found,
    Place,
    as_directory,
    find_at,
    find_listed,
    find_local,
    manifest_of,
    matches,
    places_of,
    watched,
)
from edgechain.client.following import Following, Places
from edgechain.client.listed import ListedPlaces, dns_service
from edgechain.discovery.local import LocalChain, find_chain
from edgechain.discovery.peers import PeerHint, PeerTable, default_namespace
from edgechain.errors import ProtocolError, Unauthorized, Unavailable, UnknownChain
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.clock import SystemClock
from edgechain.security.identity import Identity
from edgechain.spec.chain import ChainManifest
from edgechain.spec.dns import DnsConfig
from edgechain.spec.identity import LinkSecurity

FIND_SECONDS = 5.0


@asynccontextmanager
async def connect(
    target: str | os.PathLike[str],
    *,
    namespace: str | None = None,
    peers: Sequence[str] = (),
    timeout: float = FIND_SECONDS,
    mdns: bool = False,
    dns: str | None = None,
    identity: StrPath | None = None,
    insecure: bool = False,
) -> AsyncIterator[Chain]:
    """Connect to a running chain by its name or by the directory it was split into.

    A chain that `edgechain up` runs on this machine is found by its record, others by mDNS;
    ``namespace`` is the fleet (``EDGECHAIN_NAMESPACE``, or "default", when absent),
    ``mdns=True`` ignores the record, ``peers`` (``host:port``) asks those addresses and nobody
    else. ``dns`` (``SERVICE`` or ``SERVICE@SERVER``; ``EDGECHAIN_DNS`` when absent) asks for SRV
    records instead of listening to mDNS. ``identity`` is the directory that `edgechain init` made
    for this machine; a chain of `edgechain up` has one of its own, and ``EDGECHAIN_IDENTITY`` is
    the usual one. ``insecure`` is for nodes that run without keys.

    Raises ``InvalidIdentity`` when there is none, ``UnknownChain`` when nobody answers within
    ``timeout`` seconds, ``Unavailable`` when a stage of it has no node, and ``Unauthorized`` when
    the nodes do not take us for one of theirs, or we them.

    The connection follows the chain when it is replaced by another generation.
    """
    target = os.fspath(target)
    table = PeerTable(namespace or default_namespace())
    local = find_local(target)
    security = client_security(identity, insecure, local, target)
    async with AsyncExitStack() as stack:
        if peers:
            way = await _known(target, tuple(map(Place, peers)), timeout, security)
        elif local is not None and not mdns and dns is None:
            way = await _recorded(local, timeout, security)
        elif (service := None if mdns else dns_service(dns)) is not None:
            way = await _listed(target, service, table.namespace, timeout, security)
        else:
            way = await _announced(stack, target, table, timeout, security)
        caller = Caller(way.found.name, table, SystemClock(), security)
        following = Following(caller, way.found.manifest, way.places)
        stack.push_async_callback(following.close)
        await following.reach()
        await _own(stack, following.run(), "looking after a chain")
        await _own(stack, _pass_on(way.news, following), "mDNS news")
        await _wait_until_ready(following, timeout)
        yield Chain(way.found.name, following.submitter)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a chain was found, and how to hear where its nodes are from then on."""

    found: Found
    places: Places
    news: asyncio.Queue[PeerHint]


async def _known(
    target: str, peers: tuple[Place, ...], timeout: float, security: LinkSecurity | None
) -> _Way:
    """The chain at addresses that the caller knows, and nowhere else."""
    directory = as_directory(target)
    found = await find_at(peers, None if directory else target, timeout, security)
    if directory is not None and load_manifest(directory).generation != found.manifest.generation:
        raise UnknownChain(
            f"the nodes run chain {found.manifest.name!r}, not the one in {directory}"
        )

    async def places() -> tuple[Place, ...]:
        return peers

    return _Way(found, places, asyncio.Queue())


async def _recorded(local: LocalChain, timeout: float, security: Identity | None) -> _Way:
    """A chain of this machine; it may come back on other ports, and with other keys."""
    found = await find_at(places_of(local), local.name, timeout, security)

    async def places() -> tuple[Place, ...]:
        now = await asyncio.to_thread(find_chain, local.name)
        if security is not None:
            await asyncio.to_thread(security.refresh)
        return places_of(now) if now is not None else ()

    return _Way(found, places, asyncio.Queue())


async def _listed(
    target: str,
    service: DnsConfig,
    namespace: str,
    timeout: float,
    security: LinkSecurity | None,
) -> _Way:
    """A chain of which DNS lists the nodes, and perhaps those of others."""
    directory = as_directory(target)
    manifest = load_manifest(directory) if directory is not None else None
    places = ListedPlaces(service, namespace)
    found = await find_listed(places, target, manifest, timeout, security)
    if found is None:
        reason = f"no node of it answers of those that DNS lists as {service.service}"
        raise UnknownChain(f"chain {target!r}: {reason} (waited {timeout:g} s)")
    return _Way(found, places, asyncio.Queue())


async def _announced(
    stack: AsyncExitStack,
    target: str,
    table: PeerTable,
    timeout: float,
    security: LinkSecurity | None,
) -> _Way:
    """A chain that mDNS tells of; its nodes go on being listened for."""
    directory = as_directory(target)
    manifest = load_manifest(directory) if directory is not None else None
    news = await stack.enter_async_context(watched(table))
    strangers: list[Unauthorized] = []
    try:
        async with asyncio.timeout(timeout):
            hint = await _first_hint(news, target, manifest)
            while manifest is None:
                manifest = await _manifest_of(hint, security, strangers)
                hint = hint if manifest else await _first_hint(news, target, None)
    except TimeoutError:
        if strangers:
            raise strangers[0] from None
        raise UnknownChain(_nobody(target, directory, timeout)) from None

    async def places() -> tuple[Place, ...]:
        return ()  # what was heard is in the table

    return _Way(Found(hint.chain, manifest), places, news)


async def _first_hint(
    news: asyncio.Queue[PeerHint], target: str, manifest: ChainManifest | None
) -> PeerHint:
    """The next node that announces itself as one of the chain's."""
    while not matches(hint := await news.get(), target, manifest):
        pass
    return hint


async def _manifest_of(
    hint: PeerHint, security: LinkSecurity | None, strangers: list[Unauthorized]
) -> ChainManifest | None:
    """A node's manifest; who does not answer as one of ours is passed over, and noted."""
    try:
        return await manifest_of(hint, security)
    except Unauthorized as error:
        strangers.append(error)
    except (Unavailable, ProtocolError):
        pass
    return None


async def _pass_on(news: asyncio.Queue[PeerHint], following: Following) -> None:
    while True:
        following.seen(await news.get())


async def _own(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Let work go on until the connection is closed."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def _nobody(target: str, directory: Path | None, timeout: float) -> str:
    if directory is not None:
        name = load_manifest(directory).name
        if find_chain(name) is not None:
            return (
                f"chain {name!r} runs, but of another generation than {target} holds; "
                f"`edgechain down {name}` ends it, then `edgechain up {target}`"
            )
        return f"the chain in {target} is not running; start it with `edgechain up {target}`"
    return (
        f"no chain called {target!r} answers after {timeout:g} s; "
        "`edgechain status` lists those that do"
    )


async def _wait_until_ready(following: Following, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await following.ready.wait()
    except TimeoutError:
        strangers = following.serving.strangers()
        if strangers:
            raise Unauthorized(strangers[0]) from None
        session = following.serving.session
        missing = session.routes.missing()
        stage = missing[0] if missing else session.manifest.stages[0].name
        reasons = "; ".join(following.serving.complaints()) or "no node that runs it was found"
        raise Unavailable(stage, f"{reasons} (waited {timeout:g} s)") from None
