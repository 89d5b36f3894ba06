"""What waits for one stage, and whose turn it is: the pure heart of a stage's actor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from edgechain.runtime.join import Join
from edgechain.runtime.slots import Attempt, Tenant, tenant_of


@dataclass(frozen=True, slots=True)
class StageQueueStatistics:
    """How full it is: attempts with all inputs, attempts that miss some, and what was odd."""

    ready: int
    joining: int
    capacity: int
    most: int
    duplicates: int


class StageQueue:
    """Attempts of one client session in the order in which their last input came.

    Of the sessions that wait it is the turn of the one that was served longest ago: whoever asks
    little waits for the run under way and not for what another one has piled up. Each attempt
    holds a slot, so at most ``slots`` are in here; more is a mistake of ours and raises
    ``OverflowError``. ``wanted`` are the stage's inputs, by their number in the manifest.
    """

    def __init__(self, wanted: Iterable[int], slots: int):
        self._join = Join(wanted, slots)
        self._ready: dict[Tenant, deque[Attempt]] = {}
        self._served: dict[Tenant, None] = {}
        """Sessions, the one that was served last at the end; at most ``slots``."""
        self._slots = slots
        self._most = 0

    def deliver(self, attempt: Attempt, tensor: int) -> bool:
        """One of the stage's inputs lies in the attempt's slot; true when it was the last."""
        if attempt.ended or not self._join.add(attempt.key, tensor):
            return False
        if self._waiting >= self._slots:
            raise OverflowError(f"{self._slots} attempts are ready already")
        self._ready.setdefault(tenant_of(attempt.key), deque()).append(attempt)
        self._most = max(self._most, self._waiting)
        return True

    def forget(self, attempt: Attempt) -> None:
        """Drop an attempt that has ended; nothing happens if it is not here."""
        self._join.discard(attempt.key)
        if attempt in self._ready.get(tenant_of(attempt.key), ()):
            self._remove(attempt)

    def take(self, now: float) -> Attempt | None:
        """The next attempt to run; those that have ended or are late are dropped on the way."""
        while self._ready:
            attempt = self._first()
            self._remove(attempt)
            if not attempt.ended and not attempt.deadline.has_passed(now):
                self._note(tenant_of(attempt.key))
                return attempt
        return None

    def _first(self) -> Attempt:
        """Of a session that was not served lately, or else of the one that was longest ago."""
        fresh = (tenant for tenant in self._ready if tenant not in self._served)
        known = (tenant for tenant in self._served if tenant in self._ready)
        return self._ready[next(chain(fresh, known))][0]

    def _remove(self, attempt: Attempt) -> None:
        queue = self._ready[tenant_of(attempt.key)]
        queue.remove(attempt)
        if not queue:
            del self._ready[tenant_of(attempt.key)]

    def _note(self, tenant: Tenant) -> None:
        self._served.pop(tenant, None)
        self._served[tenant] = None
        if len(self._served) > self._slots:
            del self._served[next(iter(self._served))]

    @property
    def _waiting(self) -> int:
        return sum(map(len, self._ready.values()))

    def statistics(self) -> StageQueueStatistics:
        """How full it is."""
        joining = self._join.statistics()
        return StageQueueStatistics(
            self._waiting, joining.waiting, self._slots, self._most, joining.duplicates
        )
