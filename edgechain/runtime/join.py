"""Collecting what one stage needs for one attempt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgechain.spec.ids import RequestKey


@dataclass(frozen=True, slots=True)
class JoinStatistics:
    """How full a join is: attempts that wait for more, and what it refused."""

    waiting: int
    capacity: int
    duplicates: int


class Join:
    """Tells when all of a stage's inputs are there, per attempt.

    ``add`` is true exactly once per attempt: when the last missing tensor arrives. A tensor that
    arrives twice changes nothing. At most ``capacity`` attempts wait at a time; the caller holds
    a slot for each, so more is a mistake of ours and raises ``OverflowError``.
    """

    def __init__(self, wanted: Iterable[int], capacity: int):
        self._wanted = frozenset(wanted)
        self._capacity = capacity
        self._missing: dict[RequestKey, set[int]] = {}
        self._duplicates = 0

    def add(self, key: RequestKey, tensor: int) -> bool:
        """Note that a tensor is there; say whether the attempt is now complete."""
        if tensor not in self._wanted:
            raise KeyError(tensor)
        missing = self._missing.get(key)
        if missing is None:
            if len(self._missing) >= self._capacity:
                raise OverflowError(f"{self._capacity} attempts wait already")
            missing = self._missing[key] = set(self._wanted)
        if tensor not in missing:
            self._duplicates += 1
            return False
        missing.discard(tensor)
        if missing:
            return False
        del self._missing[key]
        return True

    def discard(self, key: RequestKey) -> None:
        """Forget an attempt; nothing happens if it is not waiting."""
        self._missing.pop(key, None)

    def statistics(self) -> JoinStatistics:
        """How full it is."""
        return JoinStatistics(len(self._missing), self._capacity, self._duplicates)
