"""What became of every request of one connection, counted exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from edgechain.errors import Dropped, RequestError


@dataclass(frozen=True, slots=True)
class ChainStatistics:
    """The counts at one moment: submitted = results + failed + dropped + open, always.

    ``errors`` are the requests that failed, by error type, most first. ``retries`` are attempts
    beyond a request's first one, ``open`` the requests that have not ended yet.
    """

    submitted: int
    results: int
    errors: tuple[tuple[str, int], ...]
    dropped: int
    retries: int
    open: int

    @property
    def failed(self) -> int:
        """Requests that ended with an error."""
        return sum(count for _, count in self.errors)


class Tally:
    """Counts what happens to requests; each is told once when it comes and once when it ends."""

    def __init__(self) -> None:
        self._submitted = self._results = self._dropped = self._retries = 0
        self._errors: Counter[str] = Counter()

    def submitted(self) -> None:
        """A caller handed a request over."""
        self._submitted += 1

    def retried(self) -> None:
        """A request was sent once more."""
        self._retries += 1

    def answered(self) -> None:
        """A request ended with a result."""
        self._results += 1

    def failed(self, error: RequestError) -> None:
        """A request ended with an error."""
        if isinstance(error, Dropped):
            self._dropped += 1
        else:
            self._errors[type(error).__name__] += 1

    def statistics(self, open_requests: int) -> ChainStatistics:
        """The counts so far; how many are open is for its caller to know."""
        return ChainStatistics(
            submitted=self._submitted,
            results=self._results,
            errors=tuple(self._errors.most_common()),
            dropped=self._dropped,
            retries=self._retries,
            open=open_requests,
        )
