"""Which nodes are out there, and how each of them is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import ValidationError

from edgechain.client.credentials import StrPath, client_security
from edgechain.client.find import watched
from edgechain.discovery.local import running_chains
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import InvalidIdentity, Unauthorized, Unavailable
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status

ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A node that was heard of: where, and how it is, or why that is not known."""

    name: str
    address: str
    status: NodeStatus | None
    reason: str = ""


async def survey(
    namespace: str, listen: float, identity: StrPath | None = None, *, insecure: bool = False
) -> tuple[Sighting, ...]:
    """Ask every node of this machine's chains, and those heard by mDNS in ``listen`` seconds.

    Chains of this machine are asked with the identity that they were started with, the others
    with the one that is given, or the usual one. Raises ``InvalidIdentity`` for the one given.
    """
    network = _shown(identity, insecure)
    if identity is not None and isinstance(network, InvalidIdentity):
        raise network
    local = [(chain, node) for chain in running_chains() for node in chain.nodes]
    known = {node.address for _, node in local}
    heard = [h for h in await _hear(namespace, listen) if known.isdisjoint(h.addresses)]
    found = await asyncio.gather(
        *(_ask(node.name, (node.address,), _at_home(chain.identity)) for chain, node in local),
        *(_ask(hint.name, hint.addresses, network) for hint in heard),
    )
    return tuple(sorted(found, key=lambda sighting: sighting.name))


def _shown(
    identity: StrPath | None, insecure: bool = False
) -> LinkSecurity | InvalidIdentity | None:
    """Who asks, or why nobody can."""
    try:
        return client_security(identity, insecure, None)
    except InvalidIdentity as error:
        return error


def _at_home(identity: str) -> LinkSecurity | InvalidIdentity | None:
    """Who asks a chain of this machine; nobody in particular where it has no keys."""
    return _shown(identity) if identity else None


async def _hear(namespace: str, listen: float) -> tuple[PeerHint, ...]:
    table = PeerTable(namespace)
    async with watched(table):
        await asyncio.sleep(listen)
    return table.peers()


async def _ask(
    name: str, addresses: tuple[str, ...], security: LinkSecurity | InvalidIdentity | None
) -> Sighting:
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
        return Sighting(name, address, NodeStatus.model_validate_json(text))
    except Unavailable as error:
        return Sighting(name, address, None, error.reason)
    except Unauthorized as error:
        return Sighting(name, address, None, str(error))
    except ValidationError:
        return Sighting(name, address, None, "its answer is not a status of ours")
