"""Exact counts of what happened to the frames of one run, and how long their answers took.

Every frame taken from a source is ``sent`` and ends exactly once: answered, dropped or failed. A
frame that could not even be read was sent and failed, so the counts add up to the source.

A percentile is the nearest rank: the smallest latency that at least p of 100 answers did not
exceed. Latencies are counted by their first three digits, so a percentile is true to 0.5 %, and
memory is bounded by 900 counters for each of the 12 powers of ten between a microsecond and eleven
days, however long the run.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

SHORTEST, LONGEST = 1e-6, 1e6
"""Seconds between which a latency is counted; what lies outside counts as the nearer one."""


@dataclass(frozen=True, slots=True)
class Account:
    """The counts at one moment; ``errors`` is the failed frames by error type, most first."""

    sent: int
    answered: int
    dropped: int
    failed: int
    errors: tuple[tuple[str, int], ...]
    seconds: float
    """From the first frame sent to the last one ended, or to now while some are under way."""
    p50: float | None
    """Seconds; ``None`` while nothing is answered. So is ``p99``."""
    p99: float | None
    retries: int = 0
    """How often a frame was sent once more, as far as the chain's connection has counted."""

    @property
    def under_way(self) -> int:
        """Frames sent that have not ended yet; 0 once a run is over."""
        return self.sent - self.answered - self.dropped - self.failed

    @property
    def fps(self) -> float:
        """Answered frames a second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """The closing object of ``--json``; errors and retries only where there are some."""
        told: dict[str, Any] = {
            "sent": self.sent,
            "answered": self.answered,
            "dropped": self.dropped,
            "failed": self.failed,
            "fps": round(self.fps, 3),
            "p50_ms": _milliseconds(self.p50),
            "p99_ms": _milliseconds(self.p99),
        }
        if self.errors:
            told["errors"] = dict(self.errors)
        if self.retries:
            told["retries"] = self.retries
        return told

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {name}" for name, count in self.errors)
        failed = f"{self.failed} failed" + (f" ({reasons})" if reasons else "")
        line = f"{self.sent} sent, {self.answered} answered, {self.dropped} dropped, {failed}"
        if self.retries:
            line += f", {self.retries} sent again"
        if self.p50 is None or self.p99 is None:
            return line
        times = f"p50 {self.p50 * 1000:.3g} ms, p99 {self.p99 * 1000:.3g} ms"
        return f"{line}; {self.fps:.1f} frames/s, {times}"


class Ledger:
    """Counts while a run lasts. Plain and without a clock: callers say when things happened.

    ``now`` is seconds of any one monotonic clock.
    """

    def __init__(self) -> None:
        self._sent = self._answered = self._dropped = 0
        self._errors: Counter[str] = Counter()
        self._latencies: Counter[float] = Counter()
        self._began: float | None = None
        self._ended = 0.0

    def sent(self, now: float) -> None:
        """A frame was taken from the source."""
        if self._began is None:
            self._began = self._ended = now
        self._sent += 1

    def answered(self, now: float, latency: float) -> None:
        """A frame was answered ``latency`` seconds after it was submitted."""
        self._end(now)
        self._answered += 1
        self._latencies[_three_digits(latency)] += 1

    def dropped(self, now: float) -> None:
        """A frame gave way to a newer one before it was admitted."""
        self._end(now)
        self._dropped += 1

    def failed(self, now: float, error: BaseException) -> None:
        """A frame ended with an error; counted under the error's type."""
        self._end(now)
        self._errors[type(error).__name__] += 1

    def account(self, now: float | None = None) -> Account:
        """The counts so far; with ``now``, a run under way lasts until then."""
        failed = sum(self._errors.values())
        open_frames = self._sent > self._answered + self._dropped + failed
        ended = max(now, self._ended) if now is not None and open_frames else self._ended
        return Account(
            sent=self._sent,
            answered=self._answered,
            dropped=self._dropped,
            failed=failed,
            errors=tuple(self._errors.most_common()),
            seconds=0.0 if self._began is None else ended - self._began,
            p50=_percentile(self._latencies, 50),
            p99=_percentile(self._latencies, 99),
        )

    def _end(self, now: float) -> None:
        """One more frame ends. Ending more than were sent is a bug of the caller."""
        ended = self._answered + self._dropped + sum(self._errors.values())
        if ended >= self._sent:
            raise ValueError("a frame ended that was never sent, or ended twice")
        self._ended = max(self._ended, now)


def _percentile(counts: Counter[float], percent: int) -> float | None:
    """The nearest rank: latency number ceil(percent / 100 * n), the shortest first."""
    rank = math.ceil(percent * counts.total() / 100)
    for latency in sorted(counts):
        rank -= counts[latency]
        if rank <= 0:
            return latency
    return None


def _three_digits(latency: float) -> float:
    return float(f"{min(max(latency, SHORTEST), LONGEST):.3g}")


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
