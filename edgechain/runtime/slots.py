"""Slots, who leases them, and which attempt holds which.

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


@dataclass(slots=True)
class Arrival:
    """A tensor on its way in: its shape, its size and how many bytes are there."""

    shape: tuple[int, ...]
    total: int
    received: int = 0


@dataclass(slots=True, eq=False)
class Attempt:
    """What a node knows of one attempt that it works on.

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


class SlotTable:
    """The attempts a node works on, at most one per slot, and tombstones of the finished ones."""

    def __init__(self, capacity: int):
        self._free = list(range(capacity - 1, -1, -1))
        self._capacity = capacity
        self._attempts: dict[RequestKey, Attempt] = {}
        self._tombstones: OrderedDict[RequestKey, None] = OrderedDict()
        self._refused = 0
        self._expired = 0

    def get(self, key: RequestKey) -> Attempt | None:
        """The live attempt of this key."""
        return self._attempts.get(key)

    def is_over(self, key: RequestKey) -> bool:
        """Whether this attempt was here and has ended."""
        return key in self._tombstones

    def open(
        self, key: RequestKey, route: Route, deadline: Deadline, stages: Iterable[StageName]
    ) -> Attempt | None:
        """Give a new attempt a slot, or ``None`` when there is none."""
        if not self._free:
            self._refused += 1
            return None
        attempt = Attempt(key, route, self._free.pop(), deadline, set(stages))
        self._attempts[key] = attempt
        return attempt

    def bury(self, key: RequestKey) -> None:
        """Refuse this attempt from now on, whether it was ever here or not."""
        self._tombstones[key] = None
        self._tombstones.move_to_end(key)
        while len(self._tombstones) > self._capacity * TOMBSTONES_PER_SLOT:
            self._tombstones.popitem(last=False)

    def release(self, attempt: Attempt) -> bool:
        """Free the slot if nothing touches it any more; true when it became free now."""
        if not attempt.idle or self._attempts.get(attempt.key) is not attempt:
            return False
        del self._attempts[attempt.key]
        self._free.append(attempt.slot)
        self.bury(attempt.key)
        return True

    def expired(self, now: float) -> list[Attempt]:
        """The attempts whose budget is spent and that were not ended yet."""
        late = [a for a in self if not a.ended and a.deadline.has_passed(now)]
        self._expired += len(late)
        return late

    def of_client(self, client: ClientId, session: int) -> list[Attempt]:
        """The attempts of one client session, without those orphaned by its earlier stream."""
        return [
            a for a in self if (a.key.client, a.key.session) == (client, session) and not a.orphaned
        ]

    @property
    def orphans(self) -> int:
        """How many slots still work for client sessions that are gone."""
        return sum(attempt.orphaned for attempt in self)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(tuple(self._attempts.values()))

    def statistics(self) -> SlotStatistics:
        """How full it is."""
        return SlotStatistics(self._capacity, len(self._attempts), self._refused, self._expired)


Tenant = tuple[ClientId, int]
"""One client session."""


class LeaseBook:
    """Who may hold how many slots; the sum never exceeds the capacity.

    Every client session gets the same share, at least one slot. A share that shrinks counts as
    given until the client says that it holds no more than the new one, so what one client gives
    back reaches another only after it is really free. Leases are numbered per session: an answer
    to an earlier lease of the same size says nothing about the last one.
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._wanted: dict[Tenant, int] = {}
        self._given: dict[Tenant, int] = {}
        self._told: dict[Tenant, int] = {}
        self._number: dict[Tenant, int] = {}

    def join(self, tenant: Tenant, want: int) -> bool:
        """Let a client session in; false when there are as many sessions as slots."""
        if tenant not in self._wanted and len(self._wanted) >= self._capacity:
            return False
        self._wanted[tenant] = max(1, want)
        self._given.setdefault(tenant, 0)
        self._told.setdefault(tenant, 0)
        self._number.setdefault(tenant, 0)
        return True

    def leave(self, tenant: Tenant) -> None:
        """Forget a client session; its slots are free for others, save those withheld."""
        for table in (self._wanted, self._given, self._told, self._number):
            table.pop(tenant, None)

    def confirm(self, tenant: Tenant, number: int) -> None:
        """The client says that it holds no more than lease ``number`` allows; the last counts."""
        if tenant in self._told and number == self._number[tenant]:
            self._given[tenant] = self._told[tenant]

    def changes(self, withheld: int = 0) -> list[tuple[Tenant, int, int]]:
        """The leases to tell now (session, slots, number); none without a change of facts.

        ``withheld`` slots are still at work for sessions that are gone and can not be leased.
        """
        share = max(1, self._capacity // max(1, len(self._wanted)))
        spare = max(0, self._capacity - withheld - sum(self._given.values()))
        news: list[tuple[Tenant, int, int]] = []
        for tenant, want in self._wanted.items():
            goal = min(want, share)
            grown = min(goal, self._given[tenant] + spare)
            target = goal if goal < self._given[tenant] else grown
            if target == self._told[tenant]:
                continue
            if target > self._given[tenant]:
                spare -= target - self._given[tenant]
                self._given[tenant] = target
            self._told[tenant] = target
            self._number[tenant] += 1
            news.append((tenant, target, self._number[tenant]))
        return news

    def lease(self, tenant: Tenant) -> int:
        """How many slots the client session counts as holding."""
        return self._given.get(tenant, 0)

    @property
    def tenants(self) -> int:
        """How many client sessions there are."""
        return len(self._wanted)
