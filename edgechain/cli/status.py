"""`edgechain status`: who is here, and how they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from edgechain.cli.output import emit_json, size, table
from edgechain.cli.trust import Identity, Insecure
from edgechain.client.survey import Sighting, survey
from edgechain.discovery.peers import default_namespace
from edgechain.plan.files import read_plan
from edgechain.plan.measured import Measured, measured
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.status import GenerationState, GenerationStatus, NodeStatus, StageStatus

LISTEN_SECONDS = 2.0
"""A responder that has just spoken waits a second before it speaks again (RFC 6762, section 6)."""

_STAGE = ("node", "address", "chain", "stage", "ran", "failed", "mean ms")
_PLANNED = ("predicted ms", "measured/predicted")
_REST = ("slots", "memory")

_ByStage = Mapping[str, Measured]
"""What a node measured of a plan's stages, by their names."""


def status(
    namespace: Annotated[str | None, typer.Option(help="which fleet")] = None,
    listen: Annotated[
        float, typer.Option(min=0.0, max=60.0, help="seconds to listen for nodes")
    ] = LISTEN_SECONDS,
    identity: Identity = None,
    insecure: Insecure = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", help="What the chain was cut after: its predictions are shown, too"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List the nodes of this machine and of the network, their stages and their links."""
    plan = None if plan_file is None else read_plan(plan_file)
    asked = survey(
        *(namespace or default_namespace(), listen, identity),
        insecure=insecure,
        manifests=plan is not None,
    )
    found: Sequence[Sighting] = uvloop.run(asked)
    beside = None if plan is None else [_beside_plan(plan, sighting) for sighting in found]
    if as_json:
        emit_json({"nodes": [_as_json(*one) for one in _together(found, beside)]})
    elif found:
        _show(found, beside)
    else:
        typer.echo("no nodes; `edgechain up DIR` starts a chain's on this machine")
    if plan is not None and found and not any(beside or ()):
        what = f"{plan_file} is a plan for {plan.model.file} ({plan.model.sha256[:12]})"
        typer.echo(f"{what}, and no node here runs a stage of it", err=True)


def _beside_plan(plan: PlanFile, sighting: Sighting) -> _ByStage:
    if sighting.status is None:
        return {}
    return {one.stage.name: one for one in measured(plan, sighting.status, sighting.manifest)}


def _together(
    found: Sequence[Sighting], beside: Sequence[_ByStage] | None
) -> list[tuple[Sighting, _ByStage | None]]:
    if beside is None:
        return [(sighting, None) for sighting in found]
    return list(zip(found, beside, strict=True))


def _as_json(sighting: Sighting, planned: _ByStage | None = None) -> dict[str, object]:
    seen: dict[str, object] = {"name": sighting.name, "address": sighting.address}
    if sighting.status is None:
        return seen | {"reachable": False, "reason": sighting.reason}
    told: dict[str, Any] = sighting.status.model_dump(mode="json")
    if planned is not None:
        for stage in told["stages"]:
            stage.update(_prediction(planned.get(stage["name"])))
    return told | seen | {"reachable": True}


def _prediction(one: Measured | None) -> dict[str, object]:
    """What a plan says of a stage; nothing where it is none of the plan's."""
    return {
        "planned_for": one.stage.device if one else None,
        "predicted_ms": one.stage.work_ms if one else None,
        "ratio": one.ratio if one else None,
    }


def _show(found: Sequence[Sighting], beside: Sequence[_ByStage] | None) -> None:
    headings = (*_STAGE, *(_PLANNED if beside is not None else ()), *_REST)
    table(headings, [row for one in _together(found, beside) for row in _rows(*one)])
    links = [row for sighting in found for row in _links(sighting)]
    if links:
        table(("from", "to", "state", "round trip ms"), links, "Links")


def _links(sighting: Sighting) -> list[tuple[object, ...]]:
    """What one node feeds."""
    links = sighting.status.links if sighting.status is not None else ()
    return [
        (
            sighting.name,
            link.peer or link.address,
            link.state,
            "" if link.round_trip_ms is None else f"{link.round_trip_ms:.2f}",
        )
        for link in links
    ]


def _rows(sighting: Sighting, planned: _ByStage | None = None) -> list[tuple[object, ...]]:
    status, no_plan = sighting.status, () if planned is None else ("", "")
    if status is None:
        return [(sighting.name, sighting.address, sighting.reason, *[""] * 4, *no_plan, "", "")]
    rows = [_row(sighting, status, stage, planned) for stage in status.stages]
    if not rows:
        name = f"{status.chain} {status.generation[:8]}"
        slots, memory = f"{status.slots_in_use}/{status.slots}", size(status.resident_bytes)
        words = (status.name, sighting.address, name, "stands by", "", "", "")
        rows = [(*words, *no_plan, slots, memory)]
    beside = [g for g in status.generations if g.state is not GenerationState.CURRENT]
    return rows + [_beside(sighting, status, generation, no_plan) for generation in beside]


def _beside(
    sighting: Sighting,
    status: NodeStatus,
    generation: GenerationStatus,
    no_plan: tuple[object, ...],
) -> tuple[object, ...]:
    """A generation that does not serve (yet, or any more)."""
    name = f"{status.chain} {generation.generation[:8]}"
    said = f"{generation.state}: {generation.reason}" if generation.reason else generation.state
    slots = f"{generation.slots_in_use}/{status.slots}"
    return (status.name, sighting.address, name, said, "", "", "", *no_plan, slots, "")


def _row(
    sighting: Sighting, status: NodeStatus, stage: StageStatus, planned: _ByStage | None
) -> tuple[object, ...]:
    memory = status.resident_bytes + sum(s.resident_bytes for s in status.stages)
    return (
        status.name,
        sighting.address,
        f"{status.chain} {status.generation[:8]}",
        stage.name,
        stage.ran,
        stage.failed,
        f"{stage.mean_ms:.2f}",
        *(() if planned is None else _cells(planned.get(stage.name))),
        f"{status.slots_in_use}/{status.slots}",
        size(memory),
    )


def _cells(one: Measured | None) -> tuple[str, str]:
    """Predicted milliseconds, and the ratio where the stage ran often enough for one."""
    if one is None:
        return "", ""
    return f"{one.stage.work_ms:.2f}", "" if one.ratio is None else f"{one.ratio:.2f}"
