"""Which nodes are out there, and how each of them is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import ValidationError

from edgechain.client.find import watched
from edgechain.discovery.local import running_chains
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import Unavailable
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


async def survey(namespace: str, listen: float) -> tuple[Sighting, ...]:
    """Ask every node of this machine's chains, and those heard by mDNS in ``listen`` seconds."""
    known = {node.address: node.name for chain in running_chains() for node in chain.nodes}
    heard = [h for h in await _hear(namespace, listen) if known.keys().isdisjoint(h.addresses)]
    found = await asyncio.gather(
        *(_ask(name, (address,)) for address, name in known.items()),
        *(_ask(hint.name, hint.addresses) for hint in heard),
    )
    return tuple(sorted(found, key=lambda sighting: sighting.name))


async def _hear(namespace: str, listen: float) -> tuple[PeerHint, ...]:
    table = PeerTable(namespace)
    async with watched(table):
        await asyncio.sleep(listen)
    return table.peers()


async def _ask(name: str, addresses: tuple[str, ...]) -> Sighting:
    """How a node is, from the first of its addresses that answers."""
    for address in addresses:
        sighting = await _ask_at(name, address)
        if sighting.status is not None:
            break
    return sighting


async def _ask_at(name: str, address: str) -> Sighting:
    try:
        text = await fetch_status(address, ANSWER_SECONDS)
        return Sighting(name, address, NodeStatus.model_validate_json(text))
    except Unavailable as error:
        return Sighting(name, address, None, error.reason)
    except ValidationError:
        return Sighting(name, address, None, "its answer is not a status of ours")
