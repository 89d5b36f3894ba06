"""Slots, and which attempt holds which.

Everything a node does for an attempt it does under one slot. The slot is free again when the
attempt's last piece of work here is done: its stages have run (or never will) and its outputs
were handed to their streams. Pure: no clock of its own, no I/O.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import ClientId, RequestKey, StageName
from edgechain.spec.message import Route

TOMBSTONES_PER_SLOT = 64
"""Late frames of a finished attempt come within one budget; 64 attempts a slot is far beyond."""

Tenant = tuple[ClientId, int]
"""One client session."""


def tenant_of(key: RequestKey) -> Tenant:
    """The client session an attempt belongs to."""
    return key.client, key.session


@dataclass(slots=True)
class Arrival:
    """A tensor on its way in: its shape, its size and how many bytes are there."""

    shape: tuple[int, ...]
    total: int
    received: int = 0


@dataclass(slots=True, eq=False)
class Attempt:
    """What a node knows of one attempt that it works on, since ``began``.

    ``to_run`` are the stages still to run here, ``running`` those a worker is busy with,
    ``sending`` the tensors not yet handed to their stream. ``shapes`` has the tensors that are
    in the slot, ``arriving`` those that are still coming in. An ``orphaned`` attempt's client
    session is gone: its slot is nobody's until its last piece of work is done.
    """

    key: RequestKey
    route: Route
    slot: int
    deadline: Deadline
    to_run: set[StageName]
    began: float = 0.0
    running: set[StageName] = field(default_factory=set)
    sending: int = 0
    ended: bool = False
    orphaned: bool = False
    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    arriving: dict[int, Arrival] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether nothing touches the slot any more."""
        return not self.running and not self.sending and (self.ended or not self.to_run)


@dataclass(frozen=True, slots=True)
class SlotStatistics:
    """How full the table is."""

    capacity: int
    in_use: int
    refused: int
    expired: int


class Tombstones:
    """Keys of attempts that are over, a bounded number for each client session.

    As many sessions are remembered as there are slots, which is as many as can be connected;
    what one session buries never unearths another's. Together they share what is kept.
    """

    def __init__(self, slots: int):
        self._slots = slots
        self._sessions: OrderedDict[Tenant, OrderedDict[RequestKey, None]] = OrderedDict()

    def add(self, key: RequestKey) -> None:
        """Remember a key; the session's oldest ones go, and the session silent for longest."""
        tenant = tenant_of(key)
        keys = self._sessions.setdefault(tenant, OrderedDict())
        self._sessions.move_to_end(tenant)
        if len(self._sessions) > self._slots:
            self._sessions.popitem(last=False)
        keys[key] = None
        keys.move_to_end(key)
        while len(keys) > TOMBSTONES_PER_SLOT * max(1, self._slots // len(self._sessions)):
            keys.popitem(last=False)

    def __contains__(self, key: RequestKey) -> bool:
        return key in self._sessions.get(tenant_of(key), ())

    def __len__(self) -> int:
        return sum(map(len, self._sessions.values()))


class SlotTable:
    """The attempts a node works on, at most one per slot, and tombstones of the finished ones."""

    def __init__(self, capacity: int):
        self._free = list(range(capacity - 1, -1, -1))
        self._capacity = capacity
        self._attempts: dict[RequestKey, Attempt] = {}
        self._of_tenant: dict[Tenant, dict[RequestKey, Attempt]] = {}
        self._orphans = 0
        self._tombstones = Tombstones(capacity)
        self._refused = 0
        self._expired = 0

    def get(self, key: RequestKey) -> Attempt | None:
        """The live attempt of this key."""
        return self._attempts.get(key)

    def is_over(self, key: RequestKey) -> bool:
        """Whether this attempt was here and has ended."""
        return key in self._tombstones

    def open(
        self,
        key: RequestKey,
        route: Route,
        deadline: Deadline,
        stages: Iterable[StageName],
        now: float = 0.0,
    ) -> Attempt | None:
        """Give a new attempt a slot, or ``None`` when there is none."""
        if not self._free:
            self._refused += 1
            return None
        attempt = Attempt(key, route, self._free.pop(), deadline, set(stages), now)
        self._attempts[key] = attempt
        self._of_tenant.setdefault(tenant_of(key), {})[key] = attempt
        return attempt

    def bury(self, key: RequestKey) -> None:
        """Refuse this attempt from now on, whether it was ever here or not."""
        self._tombstones.add(key)

    def release(self, attempt: Attempt) -> bool:
        """Free the slot if nothing touches it any more; true when it became free now."""
        if not attempt.idle or self._attempts.get(attempt.key) is not attempt:
            return False
        del self._attempts[attempt.key]
        if attempt.orphaned:
            self._orphans -= 1
        else:
            self._forget(attempt.key)
        self._free.append(attempt.slot)
        self.bury(attempt.key)
        return True

    def _forget(self, key: RequestKey) -> None:
        tenant = tenant_of(key)
        held = self._of_tenant[tenant]
        del held[key]
        if not held:
            del self._of_tenant[tenant]

    def orphan(self, tenant: Tenant) -> list[Attempt]:
        """A client session is gone; the attempts that it had, which are nobody's now."""
        left = list(self._of_tenant.pop(tenant, {}).values())
        for attempt in left:
            attempt.orphaned = True
        self._orphans += len(left)
        return left

    def expired(self, now: float) -> list[Attempt]:
        """The attempts whose budget is spent and that were not ended yet."""
        late = [a for a in self if not a.ended and a.deadline.has_passed(now)]
        self._expired += len(late)
        return late

    def held_by(self, tenant: Tenant) -> int:
        """How many slots a client session has, without those orphaned by its earlier stream."""
        return len(self._of_tenant.get(tenant, ()))

    @property
    def orphans(self) -> int:
        """How many slots still work for client sessions that are gone."""
        return self._orphans

    def __iter__(self) -> Iterator[Attempt]:
        return iter(tuple(self._attempts.values()))

    def statistics(self) -> SlotStatistics:
        """How full it is."""
        return SlotStatistics(self._capacity, len(self._attempts), self._refused, self._expired)
