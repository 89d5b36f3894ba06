"""When a run of a stage counts as hung: judged by what its good runs took. Pure."""

from __future__ import annotations

from collections import deque

RUNS_KEPT = 256
LEAST_SECONDS = 1.0
"""Nothing is called hung sooner: a busy board stalls for longer than any small stage runs."""

TIMES_LONGEST = 20.0
"""Other inputs, swapping, a hot board that clocks down: all of it together slows less."""

NEVER_RAN_SECONDS = 30.0

LONGEST_GAP_SECONDS = 1.0
"""Between two looks at a run; more, and it was we who stood still, not the run."""


class Times:
    """How long something took, the last so many times."""

    def __init__(self, kept: int) -> None:
        self._seconds: deque[float] = deque(maxlen=kept)
        self._longest = 0.0

    def __len__(self) -> int:
        return len(self._seconds)

    def add(self, seconds: float) -> None:
        """Another time."""
        goes = self._seconds[0] if len(self._seconds) == self._seconds.maxlen else 0.0
        self._seconds.append(seconds)
        if seconds >= self._longest:
            self._longest = seconds
        elif goes >= self._longest:
            self._longest = max(self._seconds)

    @property
    def mean(self) -> float:
        """Seconds; 0 before the first."""
        return sum(self._seconds) / max(1, len(self._seconds))

    @property
    def longest(self) -> float:
        """Seconds; 0 before the first."""
        return self._longest


class RunTimes(Times):
    """How long a stage's good runs took, the last ``RUNS_KEPT`` of them."""

    def __init__(self) -> None:
        super().__init__(RUNS_KEPT)

    @property
    def patience(self) -> float:
        """Seconds that a run may take when nobody waits for it any more."""
        if not self._seconds:
            return NEVER_RAN_SECONDS
        return max(LEAST_SECONDS, TIMES_LONGEST * self.longest)


class RunWatch:
    """One run under way. It hangs when nobody waits for it and it took more than ``patience``.

    Time in which nobody looked (we were stopped, or starved) is not held against the run.
    """

    def __init__(self, patience: float, now: float):
        self._patience = patience
        self._looked = now
        self._seconds = 0.0

    def is_hung(self, now: float, *, awaited: bool) -> bool:
        """Look at the run; ``awaited`` says whether its attempt can still be answered."""
        self._seconds += min(now - self._looked, LONGEST_GAP_SECONDS)
        self._looked = now
        return not awaited and self._seconds > self._patience
