"""How one node has done by this client, and whether it is better left alone for a while. Pure."""

from __future__ import annotations

from collections import deque

FAILURES = 3
"""In a row before a node is left alone: one may be the request's fault, two an accident."""

SAMPLES, ENOUGH = 16, 8
"""Times that are remembered, and those without which a node is not called slow."""

REST_SECONDS, LONGEST_REST_SECONDS = 1.0, 30.0
"""A first rest; each further one is twice as long."""


class Health:
    """Failures in a row, and how long the node held our slots.

    A node that comes back from a rest rests again, longer, after its next failure; sixteen
    answers without one and its past is forgotten.
    """

    def __init__(self) -> None:
        self._failures = self._successes = self._rests = 0
        self._until = 0.0
        self._holds: deque[float] = deque(maxlen=SAMPLES)

    def failed(self, now: float) -> None:
        """It failed an attempt."""
        self._failures += 1
        self._successes = 0
        if self._failures >= FAILURES:
            self.eject(now)

    def succeeded(self) -> None:
        """An attempt that it had a part in was answered."""
        self._failures = 0
        self._successes += 1
        if self._successes >= SAMPLES:
            self._rests = 0

    @property
    def is_spotless(self) -> bool:
        """Whether there is nothing that a success would make forgotten."""
        return not self._failures and not self._rests

    def held(self, seconds: float) -> None:
        """It gave a slot back after so long."""
        self._holds.append(seconds)

    @property
    def hold(self) -> float | None:
        """The mean time it holds a slot; ``None`` while that is not known well."""
        return sum(self._holds) / len(self._holds) if len(self._holds) >= ENOUGH else None

    def eject(self, now: float) -> None:
        """Leave it alone for a while; what it still does wrong meanwhile changes nothing."""
        if self.is_ejected(now):
            return
        self._until = now + min(LONGEST_REST_SECONDS, REST_SECONDS * 2.0**self._rests)
        self._rests = min(self._rests + 1, 8)
        self._failures, self._successes = FAILURES - 1, 0
        self._holds.clear()

    def is_ejected(self, now: float) -> bool:
        """Whether it is to be left alone."""
        return now < self._until
