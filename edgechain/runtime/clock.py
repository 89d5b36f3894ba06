"""Time is handed in, so that a 30-second expiry is tested in microseconds."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since an arbitrary instant; never goes back."""

    def now(self) -> float:
        """The current instant in seconds."""


class SystemClock:
    """The machine's monotonic clock: setting the date does not move it."""

    def now(self) -> float:
        """The current instant in seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that moves when told to."""

    def __init__(self, instant: float = 0.0):
        self._instant = instant

    def now(self) -> float:
        """The current instant in seconds."""
        return self._instant

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._instant += seconds
