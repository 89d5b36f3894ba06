"""The running nodes are asked what the stages of a plan take; loaded only for that: gRPC is big."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import uvloop

from edgechain.cli.output import briefly
from edgechain.cli.refine import Asking
from edgechain.client.survey import Sighting, survey
from edgechain.discovery.peers import default_namespace
from edgechain.errors import UnknownChain
from edgechain.plan.measured import Measured, measured
from edgechain.spec.plan_file import PlanFile

LISTEN_SECONDS = 2.0
"""As `edgechain status`."""


def ask(file: Path, plan: PlanFile, asking: Asking) -> list[Measured]:
    """What every running node says of the plan's stages.

    Raises ``UnknownChain`` where none runs one.
    """
    listen = LISTEN_SECONDS if asking.listen is None else asking.listen
    asked = survey(
        *(asking.namespace or default_namespace(), listen, asking.identity),
        insecure=asking.insecure,
        manifests=True,
    )
    sightings: Sequence[Sighting] = uvloop.run(asked)
    found = [
        one
        for sighting in sightings
        if sighting.status is not None
        for one in measured(plan, sighting.status, sighting.manifest)
    ]
    if not found:
        raise UnknownChain(f"{file}: {_nobody(sightings)}")
    return found


def _nobody(sightings: Sequence[Sighting]) -> str:
    silent = [f"{s.name}: {s.reason}" for s in sightings if s.status is None]
    more = f" ({briefly(silent)})" if silent else ""
    return f"no node that answers runs a stage of this plan{more}"
