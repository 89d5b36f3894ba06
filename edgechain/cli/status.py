"""`edgechain status`: who is here, and how they are."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop

from edgechain.cli.output import emit_json, size, table
from edgechain.cli.trust import Identity, Insecure
from edgechain.client.survey import Sighting, survey
from edgechain.discovery.peers import default_namespace
from edgechain.spec.status import GenerationState, GenerationStatus, NodeStatus, StageStatus

LISTEN_SECONDS = 2.0
"""A responder that has just spoken waits a second before it speaks again (RFC 6762, section 6)."""


def status(
    namespace: Annotated[str | None, typer.Option(help="which fleet")] = None,
    listen: Annotated[
        float, typer.Option(min=0.0, max=60.0, help="seconds to listen for nodes")
    ] = LISTEN_SECONDS,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List the nodes of this machine and of the network, their stages and their links."""
    asked = survey(namespace or default_namespace(), listen, identity, insecure=insecure)
    found = uvloop.run(asked)
    if as_json:
        emit_json({"nodes": [_as_json(sighting) for sighting in found]})
        return
    if not found:
        typer.echo("no nodes; `edgechain up DIR` starts a chain's on this machine")
        return
    headings = ("node", "address", "chain", "stage", "ran", "failed", "mean ms", "slots", "memory")
    rows = [row for sighting in found for row in _rows(sighting)]
    table(headings, rows)


def _as_json(sighting: Sighting) -> dict[str, object]:
    seen: dict[str, object] = {"name": sighting.name, "address": sighting.address}
    if sighting.status is None:
        return seen | {"reachable": False, "reason": sighting.reason}
    return sighting.status.model_dump(mode="json") | seen | {"reachable": True}


def _rows(sighting: Sighting) -> list[tuple[object, ...]]:
    status = sighting.status
    if status is None:
        return [(sighting.name, sighting.address, sighting.reason, "", "", "", "", "", "")]
    rows = [_row(sighting, status, stage) for stage in status.stages]
    beside = [g for g in status.generations if g.state is not GenerationState.CURRENT]
    return rows + [_beside(sighting, status, generation) for generation in beside]


def _beside(
    sighting: Sighting, status: NodeStatus, generation: GenerationStatus
) -> tuple[object, ...]:
    """A generation that does not serve (yet, or any more)."""
    name = f"{status.chain} {generation.generation[:8]}"
    said = f"{generation.state}: {generation.reason}" if generation.reason else generation.state
    slots = f"{generation.slots_in_use}/{status.slots}"
    return (status.name, sighting.address, name, said, "", "", "", slots, "")


def _row(sighting: Sighting, status: NodeStatus, stage: StageStatus) -> tuple[object, ...]:
    memory = status.resident_bytes + sum(s.resident_bytes for s in status.stages)
    return (
        status.name,
        sighting.address,
        f"{status.chain} {status.generation[:8]}",
        stage.name,
        stage.ran,
        stage.failed,
        f"{stage.mean_ms:.2f}",
        f"{status.slots_in_use}/{status.slots}",
        size(memory),
    )
