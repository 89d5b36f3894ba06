"""Have the nodes of a fleet measure their links to each other, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from edgechain.client.survey import Sighting
from edgechain.errors import EdgechainError
from edgechain.spec.links import LinksFile
from edgechain.spec.probing import Probed, ProbeOrder
from edgechain.spec.progress import Progress
from edgechain.spec.topology import NetworkConfig
from edgechain.transport.probe_call import fetch_probe


@dataclass(frozen=True, slots=True)
class LinkProbe:
    """One direction between two nodes: what was measured, or why nothing was."""

    source: str
    target: str
    found: Probed | None
    reason: str = ""


async def probe_links(
    nodes: Sequence[Sighting], seconds: float, progress: Progress
) -> tuple[LinkProbe, ...]:
    """Every ordered pair in turn, each for about so many seconds."""
    pairs = list(permutations(nodes, 2))
    found = []
    for number, (source, target) in enumerate(pairs):
        progress("measuring links", number, len(pairs))
        found.append(await _probe(source, target, seconds))
    progress("measuring links", len(pairs), len(pairs))
    return tuple(found)


async def _probe(source: Sighting, target: Sighting, seconds: float) -> LinkProbe:
    order = ProbeOrder(node=target.name, addresses=(target.address,), seconds=seconds)
    try:
        asked = fetch_probe(source.address, source.name, order, security=source.security)
        return LinkProbe(source.name, target.name, await asked)
    except EdgechainError as error:
        return LinkProbe(source.name, target.name, None, str(error))


def as_links(probes: Sequence[LinkProbe]) -> LinksFile:
    """What was measured, as device files say it: ``ms`` is one way, half a round trip."""
    links: dict[str, dict[str, NetworkConfig]] = {}
    for probe in probes:
        if probe.found is not None:
            links.setdefault(probe.source, {})[probe.target] = _link(probe.found)
    return LinksFile(links=links)


def _link(found: Probed) -> NetworkConfig:
    return NetworkConfig(
        mbit=found.mbit,
        ms=round(found.round_trip_ms / 2, 3),
        send_ms_per_mb=found.send_ms_per_mb,
        receive_ms_per_mb=found.receive_ms_per_mb,
        message_ms=found.message_ms,
    )
