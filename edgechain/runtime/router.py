"""Where a tensor goes next: read from the manifest and the attempt's pinned route."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import StageName
from edgechain.spec.message import Hop, Route

KNOWN = 512
"""Answers that are kept: a client's requests take the same few routes again and again."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Stages on this node that want a tensor, other nodes that do, and whether the client does.

    Another node appears once, however many of its stages want the tensor, with the first of them.
    """

    local: tuple[StageName, ...]
    remote: tuple[tuple[Hop, StageName], ...]
    to_client: bool


class Router:
    """Reads routes for one life of one node. Pure."""

    def __init__(self, manifest: ChainManifest, here: Hop):
        self._manifest = manifest
        self._here = here
        self._position = {stage.name: index for index, stage in enumerate(manifest.stages)}
        self._stages = lru_cache(KNOWN)(self._find_stages)
        self._ways = lru_cache(KNOWN)(self._find_ways)
        self._comes = lru_cache(KNOWN)(self._find_coming)

    def stages_here(self, route: Route) -> tuple[StageName, ...]:
        """The stages that this life of this node runs for an attempt."""
        return self._stages(route)

    def _find_stages(self, route: Route) -> tuple[StageName, ...]:
        return tuple(
            stage.name
            for stage, hop in zip(self._manifest.stages, route, strict=True)
            if hop == self._here
        )

    def destinations(self, route: Route, tensor: int) -> Destinations:
        """Who wants a tensor of an attempt."""
        return self._ways(route, tensor)

    def _find_ways(self, route: Route, tensor: int) -> Destinations:
        edge = self._manifest.edges[tensor]
        hops = {stage: route[self._position[stage]] for stage in edge.targets}
        local = tuple(stage for stage, hop in hops.items() if hop == self._here)
        remote: dict[Hop, StageName] = {}
        for stage, hop in hops.items():
            if hop != self._here:
                remote.setdefault(hop, stage)
        return Destinations(local, tuple(remote.items()), edge.to_client)

    def comes_here(self, route: Route, tensor: int) -> bool:
        """Whether an attempt's tensor is made elsewhere and wanted here."""
        return self._comes(route, tensor)

    def _find_coming(self, route: Route, tensor: int) -> bool:
        source = self._manifest.edges[tensor].source
        made_here = source is not None and route[self._position[source]] == self._here
        return not made_here and bool(self.destinations(route, tensor).local)
