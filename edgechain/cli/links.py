"""``edgechain profile --links``: how good the links between the nodes of a fleet are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer
import uvloop

from edgechain.cli.output import emit_json, progress_reporter, table
from edgechain.cli.status import LISTEN_SECONDS
from edgechain.cli.trust import Fleet
from edgechain.client.probing import LinkProbe, as_links, probe_links
from edgechain.client.survey import Sighting, survey
from edgechain.errors import NotMeasured, UnknownNode
from edgechain.plan.files import write_document
from edgechain.spec.profiling import NoKind

Probes = tuple[LinkProbe, ...]

_COSTS = ("send ms/MB", "receive ms/MB", "message ms")
"""Of the processors: the sender's, the receiver's, the sender's."""

_HEAD = ("from", "to", "Mbit/s", "round trip ms", *_COSTS, "problem")


def links(fleet: Fleet, *, seconds: float, out: Path | None, as_json: bool) -> None:
    """Measure and print every link. Raises ``UnknownNode`` and ``NotMeasured``."""
    probes = uvloop.run(_probed(fleet, seconds))
    if not any(probe.found for probe in probes):
        first = probes[0]
        reason = f"{first.source} to {first.target}: {first.reason}"
        raise NotMeasured(NoKind.FAILED, f"no link could be measured; {reason}")
    if out is not None:
        write_document(out, as_links(probes))
    if as_json:
        emit_json({"links": list(map(_as_json, probes))})
    else:
        table(_HEAD, list(map(_row, probes)))
    if out is not None:
        typer.echo(f"Written to {out}", err=as_json)


async def _probed(fleet: Fleet, seconds: float) -> Probes:
    heard = await survey(fleet.namespace, LISTEN_SECONDS, fleet.identity, insecure=fleet.insecure)
    nodes = _of(heard, fleet.namespace)
    if len(nodes) < 2:
        names = ", ".join(node.name for node in nodes) or "none"
        raise UnknownNode(
            f"links are between nodes; those that answer in {fleet.namespace!r} are: {names}"
        )
    with progress_reporter() as progress:
        return await probe_links(nodes, seconds, progress)


def _of(heard: Sequence[Sighting], namespace: str) -> list[Sighting]:
    """The nodes of one fleet that answer, each once."""
    ours: dict[str, Sighting] = {}
    for node in heard:
        if node.status is not None and node.status.namespace == namespace:
            name = node.status.name  # where it was listed without one an address stands for it
            ours.setdefault(name, replace(node, name=name))
    return list(ours.values())


def _as_json(probe: LinkProbe) -> dict[str, object]:
    found = probe.found.model_dump(mode="json") if probe.found else {"reason": probe.reason}
    return {"from": probe.source, "to": probe.target, **found}


def _row(probe: LinkProbe) -> tuple[object, ...]:
    found = probe.found
    if found is None:
        return probe.source, probe.target, "", "", *[""] * len(_COSTS), probe.reason
    costs = found.send_ms_per_mb, found.receive_ms_per_mb, found.message_ms
    said = ["" if cost is None else f"{cost:.3f}" for cost in costs]
    return probe.source, probe.target, f"{found.mbit:.1f}", f"{found.round_trip_ms:.3f}", *said, ""
