"""The heart of a node: who gets a slot, what becomes of an attempt, when its slot is free again.

Plain and synchronous: everything that waits (streams, workers) is behind an interface and
calls back. One exchange serves one generation of one chain.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from edgechain.node.forwarder import Actor, Forwarder, Memory, Peers, Sessions
from edgechain.runtime.clock import Clock
from edgechain.runtime.leases import LeaseBook
from edgechain.runtime.router import Router
from edgechain.runtime.slots import (
    Attempt,
    SlotStatistics,
    SlotTable,
    Tenant,
    tenant_of,
)
from edgechain.runtime.worker_wire import Lost, Outcome, Ran, Resting
from edgechain.spec.chain import ChainManifest
from edgechain.spec.deadline import MAX_BUDGET_SECONDS, Deadline
from edgechain.spec.ids import RequestKey, StageName
from edgechain.spec.message import (
    Chunk,
    Control,
    Failure,
    FailureKind,
    Hop,
    Lease,
    Released,
)

_LOG = logging.getLogger(__name__)

REMIND_SECONDS = 1.0
"""A lease that is not answered is told again this often; on a link that works it never is."""


class Clients(Sessions, Protocol):
    """The way to client sessions, for words too."""

    def tell(self, tenant: Tenant, control: Control) -> None:
        """Tell a session something; a session that is gone hears nothing."""


class Exchange:
    """Chunks and what became of stages' turns in; leases, failures and freed slots out.

    Its ``Forwarder`` puts what it lets in into slots, and passes on what stages made. Every attempt
    that was given a slot ends with ``Released`` to its client, after ``Failure`` if it did not get
    through here. ``expire`` is to be called many times a second: budgets run out in it, and words
    that a client did not answer are said again.
    """

    def __init__(
        self,
        manifest: ChainManifest,
        here: Hop,
        slots: int,
        *,
        actors: Mapping[StageName, Actor],
        memory: Memory,
        peers: Peers,
        clients: Clients,
        clock: Clock,
    ):
        self._manifest = manifest
        self._router = Router(manifest, here)
        self._slots = SlotTable(slots)
        self._leases = LeaseBook(slots)
        self._stages = actors.keys()
        self._clients = clients
        self._clock = clock
        self._forwarder = Forwarder(
            manifest,
            self._router,
            self,
            actors=actors,
            memory=memory,
            peers=peers,
            clients=clients,
        )
        self._draining = False
        self._on_idle: Callable[[], None] | None = None
        self._remind_at = clock.now() + REMIND_SECONDS
        self.taken = 0
        """Chunks that arrived, whatever became of them."""
        self.ignored: Counter[str] = Counter()
        """Chunks that were thrown away, by reason."""

    # Clients ---------------------------------------------------------------------------------

    def join(self, tenant: Tenant, want: int) -> bool:
        """A client session asks for slots; false when it gets none.

        That is while there are as many sessions as slots, and for good after ``drain``.
        """
        if not self._leases.join(tenant, want):
            return False
        self._tell_leases()
        return True

    def confirm(self, tenant: Tenant, number: int) -> None:
        """A client session holds no more than lease ``number`` allows."""
        self._leases.confirm(tenant, number, self._slots.held_by(tenant))
        self._tell_leases()
        self._judge_idle()

    def leave(self, tenant: Tenant) -> None:
        """A client session is gone; so is its work."""
        for attempt in self._slots.orphan(tenant):
            self._end(attempt)
            self.settle(attempt)
        self._leases.leave(tenant)
        self._tell_leases()
        self._judge_idle()

    def cancel(self, key: RequestKey) -> None:
        """Forget an attempt. ``Released`` follows, at once if it never was here."""
        attempt = self._slots.get(key)
        if attempt is None:
            self._slots.bury(key)
            self._clients.tell(tenant_of(key), Released((key,), (0.0,)))
            return
        self._end(attempt)
        self.settle(attempt)

    def drain(self, on_idle: Callable[[], None] | None = None) -> None:
        """Let nobody begin anything any more; what has begun goes on to its end.

        ``on_idle`` is called once, as soon as it has.
        """
        self._draining, self._on_idle = True, on_idle
        self._leases.drain()
        self._tell_leases()
        self._judge_idle()

    def _judge_idle(self) -> None:
        if self._on_idle is not None and self.idle:
            on_idle, self._on_idle = self._on_idle, None
            on_idle()

    @property
    def draining(self) -> bool:
        """Whether nobody is let in any more."""
        return self._draining

    @property
    def idle(self) -> bool:
        """Whether no slot is in use, and no client may take one before it hears of a new lease."""
        return not self._slots.statistics().in_use and not self._leases.granted

    def _tell_leases(self) -> None:
        for tenant, slots, number in self._leases.changes(self._slots.orphans):
            self._clients.tell(tenant, Lease(slots, number))

    # Attempts --------------------------------------------------------------------------------

    def take(self, chunk: Chunk) -> None:
        """A chunk arrived, from a client or a node."""
        self.taken += 1
        attempt = self._slots.get(chunk.key) or self._admit(chunk)
        if attempt is None or attempt.ended:
            self.ignored["no live attempt"] += attempt is not None
            return
        problem = self._forwarder.place(attempt, chunk)
        if problem:
            stage = self._manifest.stages[0].name
            self._fail(attempt, FailureKind.INVALID_INPUT, stage, problem)

    def _admit(self, chunk: Chunk) -> Attempt | None:
        if self._slots.is_over(chunk.key):
            self.ignored["the attempt is over"] += 1
            return None
        refusal = self._refusal(chunk)
        if refusal is None:
            now = self._clock.now()
            deadline = Deadline.after(now, min(chunk.budget, MAX_BUDGET_SECONDS))
            stages = self._router.stages_here(chunk.route)
            attempt = self._slots.open(chunk.key, chunk.route, deadline, stages, now)
            if attempt is not None:
                return attempt
            refusal = FailureKind.OVERLOADED, stages[0], "no slot is free"
        self._slots.bury(chunk.key)
        self._refuse(chunk.key, *refusal)
        return None

    def _refusal(self, chunk: Chunk) -> tuple[FailureKind, StageName, str] | None:
        """Why an attempt that is new here gets no slot, if it gets none."""
        first = self._manifest.stages[0].name
        if chunk.key.generation != self._manifest.generation:
            return FailureKind.GENERATION_CHANGED, first, "this node runs another generation"
        if len(chunk.route) != len(self._manifest.stages) or chunk.offset:
            return FailureKind.INVALID_INPUT, first, "its first chunk or its route is missing"
        stages = self._router.stages_here(chunk.route)
        if not stages:
            return FailureKind.UNAVAILABLE, first, "the route leads to an earlier life of this node"
        if not all(map(self._stages.__contains__, stages)):
            return FailureKind.UNAVAILABLE, stages[0], "the route wants a stage this node lacks"
        tenant = tenant_of(chunk.key)
        lease = self._leases.lease(tenant)
        if self._slots.held_by(tenant) >= lease:
            return FailureKind.OVERLOADED, stages[0], f"all {lease} slots of this client are taken"
        return None

    def _refuse(self, key: RequestKey, kind: FailureKind, stage: StageName, reason: str) -> None:
        tenant = tenant_of(key)
        self._clients.tell(tenant, Failure(key, kind, stage, reason))
        self._clients.tell(tenant, Released((key,), (0.0,)))

    def report(self, attempt: Attempt, stage: StageName, outcome: Outcome | Resting) -> None:
        """What became of a stage's turn for an attempt, which no longer counts as running."""
        if not isinstance(outcome, Ran):
            self._fail(attempt, *_as_failure(stage, outcome))
        elif not attempt.ended:
            self._forwarder.pass_on(attempt, stage, outcome.shapes)
        self.settle(attempt)

    def on_unsent(self, attempt: Attempt, stage: StageName) -> None:
        """A tensor did not get on, or perhaps not; its attempt may have left us meanwhile."""
        if not attempt.deadline.has_passed(self._clock.now()):
            self._fail(attempt, FailureKind.UNAVAILABLE, stage, "its node is not reachable")

    # Ends ------------------------------------------------------------------------------------

    def expire(self) -> None:
        """End what has no budget left; tell leases again that nobody answers."""
        now = self._clock.now()
        for attempt in self._slots.expired(now):
            waiting = next(iter(sorted(attempt.running | attempt.to_run)), "")
            reason = "the deadline passed on this node"
            self._fail(attempt, FailureKind.DEADLINE_EXCEEDED, waiting, reason)
            self.settle(attempt)
        if now >= self._remind_at:
            self._remind_at = now + REMIND_SECONDS
            for tenant, slots, number in self._leases.unconfirmed():
                self._clients.tell(tenant, Lease(slots, number))

    def _fail(self, attempt: Attempt, kind: FailureKind, stage: StageName, reason: str) -> None:
        if attempt.ended:
            return
        _LOG.info("request %s: stage %s: %s", attempt.key, stage, reason)
        self._clients.tell(tenant_of(attempt.key), Failure(attempt.key, kind, stage, reason))
        self._end(attempt)
        self.settle(attempt)

    def _end(self, attempt: Attempt) -> None:
        attempt.ended = True
        self._forwarder.forget(attempt)

    def settle(self, attempt: Attempt) -> None:
        """Something that used the attempt's slot is done with it: it may be free now."""
        if not self._slots.release(attempt):
            return
        if attempt.orphaned:
            self._tell_leases()
        else:
            held = self._clock.now() - attempt.began
            self._clients.tell(tenant_of(attempt.key), Released((attempt.key,), (held,)))
        self._judge_idle()

    def statistics(self) -> SlotStatistics:
        """How full the slots are."""
        return self._slots.statistics()

    @property
    def clients(self) -> int:
        """How many client sessions hold leases."""
        return self._leases.tenants


def _as_failure(
    stage: StageName, outcome: str | Lost | Resting
) -> tuple[FailureKind, StageName, str]:
    match outcome:
        case Lost(reason):
            return FailureKind.WORKER_LOST, stage, reason
        case Resting(reason):
            return FailureKind.UNAVAILABLE, stage, reason
        case reason:
            return FailureKind.STAGE_ERROR, stage, reason
