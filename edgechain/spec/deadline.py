"""Deadlines are instants of one process's monotonic clock; budgets are durations.

Only budgets cross the wire: clocks of two boards are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_BUDGET_SECONDS = 3600.0
"""No attempt is worked on longer than this, whatever its sender says."""


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """An instant, in seconds of the clock it was made with."""

    instant: float

    @classmethod
    def after(cls, now: float, budget: float) -> Deadline:
        """The instant ``budget`` seconds from ``now``."""
        return cls(now + budget)

    def budget(self, now: float) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.instant - now)

    def has_passed(self, now: float) -> bool:
        """Whether nothing is left."""
        return now >= self.instant
