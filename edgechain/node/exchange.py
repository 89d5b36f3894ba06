"""The heart of a node: tensors come in, stages run, tensors go out, slots become free.

Plain and synchronous: everything that waits (streams, workers) is behind an interface and
calls back. One exchange serves one generation of one chain.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import prod
from typing import Protocol

from edgechain.runtime.clock import Clock
from edgechain.runtime.router import Router
from edgechain.runtime.slots import (
    Arrival,
    Attempt,
    LeaseBook,
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
    Route,
    TensorSend,
)
from edgechain.spec.tensor import TensorSpec

_LOG = logging.getLogger(__name__)

REMIND_SECONDS = 1.0
"""A lease that is not answered is told again this often; on a link that works it never is."""


class Actor(Protocol):
    """What the exchange needs of a stage's actor."""

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        """One of the stage's inputs lies in the attempt's slot."""

    def forget(self, attempt: Attempt) -> None:
        """The attempt has ended."""


class Memory(Protocol):
    """The slots' memory."""

    def region(self, slot: int, tensor: int, size: int) -> memoryview:
        """``size`` bytes of a tensor in a slot."""


class Peers(Protocol):
    """The way to other nodes."""

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send, now or as soon as that life of that node is reachable; ``done`` tells."""

    def forget(self, key: RequestKey) -> None:
        """Give up what waits to be sent for an attempt that has ended; ``done`` tells."""


class Clients(Protocol):
    """The way to client sessions."""

    def tell(self, tenant: Tenant, control: Control) -> None:
        """Tell a session something; a session that is gone hears nothing."""

    def send_tensor(self, tenant: Tenant, send: TensorSend) -> None:
        """Send a result tensor; ``done`` tells."""

    def forget(self, key: RequestKey) -> None:
        """Give up what waits to be sent for an attempt that has ended; ``done`` tells."""


class Exchange:
    """Chunks in; deliveries, tensors, failures and freed slots out.

    Every attempt that was given a slot ends with ``Released`` to its client, after ``Failure``
    if it did not get through here. ``expire`` is to be called many times a second: budgets run
    out in it, and words that a client did not answer are said again.
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
        self._exact = tuple(_exact(edge.tensor) for edge in manifest.edges)
        self._router = Router(manifest, here)
        self._slots = SlotTable(slots)
        self._leases = LeaseBook(slots)
        self._actors = actors
        self._memory = memory
        self._peers = peers
        self._clients = clients
        self._clock = clock
        self._draining = False
        self._on_idle: Callable[[], None] | None = None
        self._remind_at = clock.now() + REMIND_SECONDS
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
            self._settle(attempt)
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
        self._settle(attempt)

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

    # Tensors in ------------------------------------------------------------------------------

    def take(self, chunk: Chunk) -> None:
        """A chunk arrived, from a client or a node."""
        attempt = self._slots.get(chunk.key) or self._admit(chunk)
        if attempt is None or attempt.ended:
            self.ignored["no live attempt"] += attempt is not None
            return
        problem = self._place(attempt, chunk)
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
        if not all(map(self._actors.__contains__, stages)):
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

    def _place(self, attempt: Attempt, chunk: Chunk) -> str | None:
        """Put a chunk where it belongs; why not, if it belongs nowhere."""
        if chunk.tensor in attempt.shapes:
            self.ignored["duplicate"] += 1
            return None
        if chunk.offset == 0:
            problem = self._expect(attempt, chunk)
            if problem:
                return problem
        arrival = attempt.arriving.get(chunk.tensor)
        if arrival is None or arrival.received != chunk.offset:
            return "a chunk is out of order"
        end = chunk.offset + len(chunk.data)
        if end > arrival.total or (not len(chunk.data) and arrival.total):
            return "a chunk does not fit its tensor"
        region = self._memory.region(attempt.slot, chunk.tensor, arrival.total)
        region[chunk.offset : end] = chunk.data
        arrival.received = end
        if end == arrival.total:
            del attempt.arriving[chunk.tensor]
            self._arrived(attempt, chunk.tensor, arrival.shape)
        return None

    def _expect(self, attempt: Attempt, chunk: Chunk) -> str | None:
        """Get ready for a tensor, its size judged by our own manifest."""
        if chunk.tensor >= len(self._manifest.edges):
            return "the chain has no such tensor"
        if not self._router.comes_here(attempt.route, chunk.tensor):
            return "nobody here waits for this tensor"
        if (chunk.shape, chunk.total) != self._exact[chunk.tensor]:
            spec = self._manifest.edges[chunk.tensor].tensor
            problem = spec.misfit(spec.dtype, chunk.shape)
            if problem:
                return f"tensor {spec.name!r} {problem}"
            if self._size(chunk.tensor, chunk.shape) != chunk.total:
                return f"tensor {spec.name!r} is not as large as its shape"
        attempt.arriving[chunk.tensor] = Arrival(chunk.shape, chunk.total)
        return None

    def _size(self, tensor: int, shape: tuple[int, ...]) -> int:
        """Bytes of a tensor of this shape."""
        exact = self._exact[tensor]
        if exact is not None and shape == exact[0]:
            return exact[1]
        return prod(shape) * self._manifest.edges[tensor].tensor.dtype.itemsize

    def _arrived(self, attempt: Attempt, tensor: int, shape: tuple[int, ...]) -> None:
        attempt.shapes[tensor] = shape
        for stage in self._router.destinations(attempt.route, tensor).local:
            self._actors[stage].deliver(attempt, tensor)

    # Tensors out -----------------------------------------------------------------------------

    def report(self, attempt: Attempt, stage: StageName, outcome: Outcome | Resting) -> None:
        """What became of a stage's turn for an attempt, which no longer counts as running."""
        if not isinstance(outcome, Ran):
            self._fail(attempt, *_as_failure(stage, outcome))
        elif not attempt.ended:
            self._pass_on(attempt, stage, outcome.shapes)
        self._settle(attempt)

    def _pass_on(
        self, attempt: Attempt, stage: StageName, shapes: Iterable[tuple[int, ...]]
    ) -> None:
        outputs = self._manifest.stage[stage].outputs
        for name, shape in zip(outputs, shapes, strict=True):
            if attempt.ended:  # a peer that is gone answers at once, and the slot is given back
                return
            tensor = self._manifest.tensor_index[name]
            self._arrived(attempt, tensor, shape)
            self._send(attempt, tensor, shape)

    def _send(self, attempt: Attempt, tensor: int, shape: tuple[int, ...]) -> None:
        destinations = self._router.destinations(attempt.route, tensor)
        for hop, stage in destinations.remote:
            if attempt.ended:
                return
            outgoing = self._outgoing(attempt, tensor, shape, stage, attempt.route)
            self._peers.send_tensor(hop, outgoing)
        if destinations.to_client and not attempt.ended:
            source = self._manifest.edges[tensor].source or ""
            outgoing = self._outgoing(attempt, tensor, shape, source)
            self._clients.send_tensor(tenant_of(attempt.key), outgoing)

    def _outgoing(
        self,
        attempt: Attempt,
        tensor: int,
        shape: tuple[int, ...],
        stage: StageName,
        route: Route = (),
    ) -> TensorSend:
        """A tensor to send; who pinned the route need not be told it."""
        attempt.sending += 1
        return TensorSend(
            key=attempt.key,
            tensor=tensor,
            shape=shape,
            route=route,
            deadline=attempt.deadline,
            payload=self._memory.region(attempt.slot, tensor, self._size(tensor, shape)),
            done=partial(self._sent, attempt, stage),
            lost=partial(self._unsent, attempt, stage),
        )

    def _sent(self, attempt: Attempt, stage: StageName, whole: bool) -> None:
        attempt.sending -= 1
        if not whole:
            self._unsent(attempt, stage)
        self._settle(attempt)

    def _unsent(self, attempt: Attempt, stage: StageName) -> None:
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
            self._settle(attempt)
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
        self._settle(attempt)

    def _end(self, attempt: Attempt) -> None:
        attempt.ended = True
        for actor in self._actors.values():
            actor.forget(attempt)
        self._peers.forget(attempt.key)
        self._clients.forget(attempt.key)

    def _settle(self, attempt: Attempt) -> None:
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


def _exact(spec: TensorSpec) -> tuple[tuple[int, ...], int] | None:
    """The one shape that a tensor has, and its bytes; ``None`` where it may have others."""
    return None if spec.is_dynamic else (spec.shape, spec.max_bytes)


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
