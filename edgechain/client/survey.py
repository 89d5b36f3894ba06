"""Which nodes are out there, and how each of them is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from edgechain.client.credentials import StrPath, client_security
from edgechain.client.find import Place, manifest_at, watched
from edgechain.client.listed import ListedPlaces, dns_service
from edgechain.discovery.local import running_chains
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import InvalidIdentity, ProtocolError, Unauthorized, Unavailable
from edgechain.spec.chain import ChainManifest
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status

ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A node that was heard of: where, and how it is, or why that is not known.

    ``security`` is who asked it, and can ask it for more.
    """

    name: str
    address: str
    status: NodeStatus | None
    reason: str = ""
    manifest: ChainManifest | None = None
    """Of the generation that serves there, where it was asked for and answered."""
    security: LinkSecurity | None = field(default=None, repr=False)


_Security = LinkSecurity | InvalidIdentity | None
"""Who asks, or why nobody can."""

_Question = tuple[str, tuple[str, ...], _Security]
"""A node's name, its addresses, and who asks it."""


async def survey(
    namespace: str,
    listen: float,
    identity: StrPath | None = None,
    *,
    insecure: bool = False,
    manifests: bool = False,
) -> tuple[Sighting, ...]:
    """Ask every node of this machine's chains, and those heard by mDNS in ``listen`` seconds.

    With ``EDGECHAIN_DNS`` also those that DNS lists.

    Chains of this machine are asked with the identity that they were started with, the others
    with the one that is given, or the usual one. With ``manifests`` also what they run. Raises
    ``InvalidIdentity`` for the one given.
    """
    network = _shown(identity, insecure)
    if identity is not None and isinstance(network, InvalidIdentity):
        raise network
    local = [(chain, node) for chain in running_chains() for node in chain.nodes]
    known = {node.address for _, node in local}
    heard = [h for h in await _hear(namespace, listen) if known.isdisjoint(h.addresses)]
    known |= {address for hint in heard for address in hint.addresses}
    listed = [place for place in await _list(namespace) if place.address not in known]
    asked: list[_Question] = [(n.name, (n.address,), _at_home(c.identity)) for c, n in local]
    asked += [(hint.name, hint.addresses, network) for hint in heard]
    asked += [(place.name or place.address, (place.address,), network) for place in listed]
    found = await asyncio.gather(*(_ask(*question) for question in asked))
    if manifests:
        found = await _with_manifests(found, [security for *_, security in asked])
    return tuple(sorted(found, key=lambda sighting: sighting.name))


def _shown(identity: StrPath | None, insecure: bool = False) -> _Security:
    try:
        return client_security(identity, insecure, None)
    except InvalidIdentity as error:
        return error


def _at_home(identity: str) -> _Security:
    """Who asks a chain of this machine; nobody in particular where it has no keys."""
    return _shown(identity) if identity else None


async def _hear(namespace: str, listen: float) -> tuple[PeerHint, ...]:
    table = PeerTable(namespace)
    async with watched(table):
        await asyncio.sleep(listen)
    return table.peers()


async def _list(namespace: str) -> tuple[Place, ...]:
    what = dns_service(None)
    return () if what is None else await ListedPlaces(what, namespace)()


async def _ask(name: str, addresses: tuple[str, ...], security: _Security) -> Sighting:
    """How a node is, from the first of its addresses that answers."""
    if isinstance(security, InvalidIdentity):
        return Sighting(name, addresses[0], None, str(security))
    for address in addresses:
        sighting = await _ask_at(name, address, security)
        if sighting.status is not None:
            break
    return sighting


async def _ask_at(name: str, address: str, security: LinkSecurity | None) -> Sighting:
    try:
        text = await fetch_status(address, ANSWER_SECONDS, security=security)
        return Sighting(name, address, NodeStatus.model_validate_json(text), security=security)
    except Unavailable as error:
        return Sighting(name, address, None, error.reason)
    except Unauthorized as error:
        return Sighting(name, address, None, str(error))
    except ValidationError:
        return Sighting(name, address, None, "its answer is not a status of ours")


async def _with_manifests(
    found: Sequence[Sighting], securities: Sequence[_Security]
) -> list[Sighting]:
    """Every generation is asked for once: whoever answers, it is the hash of what it says."""
    known: dict[str, ChainManifest] = {}
    for sighting, security in zip(found, securities, strict=True):
        serves = sighting.status.generation if sighting.status is not None else ""
        if serves and serves not in known and not isinstance(security, InvalidIdentity):
            with suppress(Unavailable, Unauthorized, ProtocolError):
                manifest = await manifest_at(sighting.address, security)
                known[manifest.generation] = manifest
    return [
        replace(sighting, manifest=known.get(sighting.status.generation))
        if sighting.status is not None
        else sighting
        for sighting in found
    ]
