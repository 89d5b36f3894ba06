"""What waits for one stage, and whose turn it is: the pure heart of a stage's actor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edgechain.runtime.join import Join
from edgechain.runtime.slots import Attempt


@dataclass(frozen=True, slots=True)
class StageQueueStatistics:
    """How full it is: attempts with all inputs, attempts that miss some, and what was odd."""

    ready: int
    joining: int
    capacity: int
    most: int
    duplicates: int


class StageQueue:
    """Attempts in the order in which their last input came.

    Each holds a slot, so at most ``slots`` attempts are in here; more is a mistake of ours and
    raises ``OverflowError``. ``wanted`` are the stage's inputs, by their number in the manifest.
    """

    def __init__(self, wanted: Iterable[int], slots: int):
        self._join = Join(wanted, slots)
        self._ready: deque[Attempt] = deque()
        self._slots = slots
        self._most = 0

    def deliver(self, attempt: Attempt, tensor: int) -> bool:
        """One of the stage's inputs lies in the attempt's slot; true when it was the last."""
        if attempt.ended or not self._join.add(attempt.key, tensor):
            return False
        if len(self._ready) >= self._slots:
            raise OverflowError(f"{self._slots} attempts are ready already")
        self._ready.append(attempt)
        self._most = max(self._most, len(self._ready))
        return True

    def forget(self, attempt: Attempt) -> None:
        """Drop an attempt that has ended; nothing happens if it is not here."""
        self._join.discard(attempt.key)
        if attempt in self._ready:
            self._ready.remove(attempt)

    def take(self, now: float) -> Attempt | None:
        """The next attempt to run; those that have ended or are late are dropped on the way."""
        while self._ready:
            attempt = self._ready.popleft()
            if not attempt.ended and not attempt.deadline.has_passed(now):
                return attempt
        return None

    def statistics(self) -> StageQueueStatistics:
        """How full it is."""
        joining = self._join.statistics()
        return StageQueueStatistics(
            len(self._ready), joining.waiting, self._slots, self._most, joining.duplicates
        )
