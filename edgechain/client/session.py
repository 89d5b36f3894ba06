"""One client session with one generation of a chain: its routes, and the attempts under way.

Everything is synchronous. A slot that is held for an attempt which has ended is asked back, again
and again until its node gives it back or is gone: no lost word costs a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import numpy as np

from edgechain.client.request import Attempt, Request
from edgechain.client.results import Collector
from edgechain.client.routes import RouteTable
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import ClientId, Generation, RequestKey, StageName
from edgechain.spec.message import Cancel, Control, Hop, Leased, Route, TensorSend

RECLAIM_SECONDS = 1.0
"""Before a slot of an attempt that is over is asked back once more."""

MOST_LOST = 256
"""Attempts of which a lost node is told when it is back: 64 slots, lost four times on end."""

Sent = Callable[[Attempt, Hop, bool], None]
"""Told of each input of an attempt whether every byte of it was handed to its stream."""


class Nodes(Protocol):
    """The way to the nodes of one generation."""

    def tell(self, hop: Hop, control: Control) -> None:
        """Say something to a node; a node that is gone hears nothing."""

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send an input; ``done`` tells, perhaps at once."""

    def forget(self, hop: Hop, key: RequestKey) -> None:
        """Give up inputs of an attempt that wait to be sent; ``done`` tells."""


class Session:
    """Sends attempts along routes and keeps their slots until the nodes have given them back.

    ``number`` is new for every session, also of a generation that was there before.
    """

    def __init__(self, manifest: ChainManifest, client: ClientId, number: int, nodes: Nodes):
        self.manifest = manifest
        self.number = number
        self.routes = RouteTable(manifest.stage)
        self._client = client
        self._nodes = nodes
        self._position = {stage.name: index for index, stage in enumerate(manifest.stages)}
        self._live: dict[RequestKey, Attempt] = {}
        self._over: dict[RequestKey, float] = {}
        self._lost: dict[Hop, tuple[RequestKey, ...]] = {}

    # An attempt's life -----------------------------------------------------------------------

    def begin(self, request: Request, now: float) -> Attempt | None:
        """Pin a route and take its slots, or ``None`` when that is not possible now."""
        key = RequestKey(
            Generation(self.manifest.generation),
            self._client,
            self.number,
            request.sequence,
            request.attempts + 1,
        )
        route = self.routes.admit(key, now, request.avoid)
        if route is None:
            return None
        attempt = Attempt(key, request, route, Collector(self.manifest), now, now)
        self._live[key] = attempt
        return attempt

    def send(self, attempt: Attempt, sent: Sent) -> None:
        """Send the inputs; ends early when the attempt does."""
        for edge_index, value in attempt.request.values.items():
            edge = self.manifest.edges[edge_index]
            if edge.to_client:
                attempt.collector.give(edge_index, value)
            hops = dict.fromkeys(self.hop_of(attempt.route, stage) for stage in edge.targets)
            for hop in hops:
                if attempt.key not in self._live:
                    return
                self._nodes.send_tensor(
                    hop,
                    TensorSend(
                        key=attempt.key,
                        tensor=edge_index,
                        shape=value.shape,
                        route=attempt.route,
                        deadline=attempt.request.deadline,
                        payload=value.reshape(-1).view(np.uint8).data,
                        done=partial(sent, attempt, hop),
                    ),
                )

    def answered(self, attempt: Attempt) -> None:
        """The attempt has its whole result, which proves that its slots are free.

        A manifest's tensors are all wanted, so every stage had its part in the result; and nodes
        free a slot before the last bytes of what they send from it are on their way.
        """
        del self._live[attempt.key]
        self.routes.answered(attempt.key, attempt.route)

    def give_up(self, attempt: Attempt, now: float) -> None:
        """End the attempt without a result: whoever holds a slot for it is told."""
        if self._live.pop(attempt.key, None) is None:
            return
        holders = self.routes.holders(attempt.key)
        if holders:
            self._over[attempt.key] = now
        for hop in holders:
            self._nodes.tell(hop, Cancel(attempt.key))
            self._nodes.forget(hop, attempt.key)

    def release(self, hop: Hop, key: RequestKey, held: float, now: float) -> None:
        """A node gave a slot back, after so many seconds."""
        self.routes.release(hop, key)
        self.routes.held(hop, held, now)
        attempt = self._live.get(key)
        if attempt is not None:
            attempt.heard = now
        elif not self.routes.holders(key):
            self._over.pop(key, None)

    def node_up(self, hop: Hop, stages: Iterable[StageName]) -> None:
        """A node said Welcome. Is it one that was lost, it hears what is over since then.

        Of that it may know nothing yet: what other nodes held back would take slots there.
        """
        self.routes.node_up(hop, stages)
        keys = self._lost.pop(hop, ())
        self._lost = {lost: of for lost, of in self._lost.items() if lost.node != hop.node}
        for key in keys:
            self._nodes.tell(hop, Cancel(key))

    def node_down(self, hop: Hop) -> list[Attempt]:
        """A node is gone; the attempts that had a slot there, which are to be ended."""
        keys = self.routes.node_down(hop)
        self._lost[hop] = (*self._lost.get(hop, ()), *keys)[-MOST_LOST:]
        for key in keys:
            if not self.routes.holders(key):
                self._over.pop(key, None)
        return [self._live[key] for key in keys if key in self._live]

    # Said again ------------------------------------------------------------------------------

    def confirm(self) -> None:
        """Answer the leases that now hold true."""
        for hop, slots, number in self.routes.confirmable():
            self._nodes.tell(hop, Leased(slots, number))

    def reclaim(self, now: float) -> bool:
        """Ask for slots of ended attempts that did not come back; whether any is still out."""
        for key, since in self._over.items():
            if now - since >= RECLAIM_SECONDS:
                for hop in self.routes.holders(key):
                    self._nodes.tell(hop, Cancel(key))
        return bool(self._over)

    # How things stand ------------------------------------------------------------------------

    def get(self, key: RequestKey) -> Attempt | None:
        """The attempt under way of this key."""
        return self._live.get(key)

    def hop_of(self, route: Route, stage: StageName) -> Hop:
        """Where a route runs a stage."""
        return route[self._position[stage]]

    def stages_on(self, route: Route) -> dict[StageName, Hop]:
        """Where a route runs every stage."""
        return dict(zip(self._position, route, strict=True))

    def stages_of(self, route: Route, hop: Hop) -> tuple[StageName, ...]:
        """The stages that a route runs on a node."""
        return tuple(
            stage.name for stage, at in zip(self.manifest.stages, route, strict=True) if at == hop
        )

    @property
    def under_way(self) -> int:
        """Attempts that have not ended."""
        return len(self._live)

    @property
    def outstanding(self) -> int:
        """Attempts that have ended and for which a node still holds a slot."""
        return len(self._over)
