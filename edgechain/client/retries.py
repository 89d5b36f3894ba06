"""When an attempt is given up, and whether there may be another one. Pure."""

from __future__ import annotations

from edgechain.runtime.patience import Times

MAX_ATTEMPTS = 3
"""Of one request, its first included."""

FIRST_TOKENS, MOST_TOKENS = 16, 32
REQUESTS_PER_TOKEN = 5
"""Over any time, attempts are at most 1.2 x requests + 32, however much goes wrong."""

LEAST_PATIENCE_SECONDS = 0.5
PATIENCE = 8.0
"""Times the longest that an answer took lately: what is slow is not given up for dead."""

SAMPLES, ENOUGH = 64, 8


class RetryTokens:
    """What keeps retries from doubling the load of a chain that is in trouble already."""

    def __init__(self) -> None:
        self._earned = FIRST_TOKENS * REQUESTS_PER_TOKEN

    def earn(self) -> None:
        """A request came in."""
        self._add(1)

    def take(self) -> bool:
        """Pay for one more attempt; false when that cannot be."""
        if self._earned < REQUESTS_PER_TOKEN:
            return False
        self._earned -= REQUESTS_PER_TOKEN
        return True

    def give_back(self) -> None:
        """An attempt that was paid for was never made."""
        self._add(REQUESTS_PER_TOKEN)

    def _add(self, earned: int) -> None:
        self._earned = min(MOST_TOKENS * REQUESTS_PER_TOKEN, self._earned + earned)


class Patience:
    """How long an attempt may be silent, learned from those that were answered."""

    def __init__(self) -> None:
        self._latencies = Times(SAMPLES)

    def answered(self, seconds: float) -> None:
        """An attempt was answered after so long."""
        self._latencies.add(seconds)

    def seconds(self) -> float | None:
        """The longest silence to bear; ``None`` while too little is known to judge."""
        if len(self._latencies) < ENOUGH:
            return None
        return max(LEAST_PATIENCE_SECONDS, PATIENCE * self._latencies.longest)
