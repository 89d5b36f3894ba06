"""What clients asked and how each request ended, judged against the promise.

A *violation* is a sentence about what must never be; a run without one has kept the promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from edgechain.client.results import Result
from edgechain.errors import (
    Cancelled,
    DeadlineExceeded,
    Dropped,
    GenerationChanged,
    InvalidInput,
    Overloaded,
    Poison,
    RequestError,
    StageError,
    Unavailable,
)
from edgechain.spec.message import Hop, TensorSend
from tests.simulation.graphs import Graph
from tests.simulation.world import Process, World

LATE_SECONDS = 0.05
MOST_ATTEMPTS = 3
EXTRA_SHARE, EXTRA_ATTEMPTS = 0.2, 32
"""Attempts are at most 1.2 x requests + 32."""

MOST_VIOLATIONS = 20

TYPED = (
    Cancelled,
    DeadlineExceeded,
    Dropped,
    GenerationChanged,
    InvalidInput,
    Overloaded,
    Poison,
    StageError,
    Unavailable,
)


PlainKey = tuple[str, str, int, int, int]
"""A key's parts, whatever our own keys may think of being equal."""


class Must(StrEnum):
    """How a request has to end."""

    RESULT = "result"
    FAIL = "fail"
    EITHER = "either"


@dataclass(slots=True, eq=False)
class Entry:
    """One request. ``fed`` is its input, like no other."""

    number: int
    client: str
    process: Process
    fed: Mapping[str, bytes]
    opened: float
    budget: float
    newest: bool
    must: Must = Must.EITHER
    ended: float | None = None
    outcome: Result | RequestError | None = None
    keys: set[PlainKey] = field(default_factory=set)

    def __str__(self) -> str:
        return f"request {self.number} of {self.client}"


class Ledger:
    """Every request of a run."""

    def __init__(self, world: World):
        self._world = world
        self.graphs: dict[str, Graph] = {}
        self.entries: list[Entry] = []
        self.violations: list[str] = []
        self.before: list[str] = []
        """The last events before the first violation."""
        self._by_input: dict[bytes, Entry] = {}
        self._by_key: dict[PlainKey, Entry] = {}
        self._inputs: set[tuple[PlainKey, int, Hop]] = set()

    def violation(self, text: str) -> None:
        """Note what must never be."""
        self._world.say("VIOLATION", text)
        self.before = self.before or self._world.last_words()
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(f"at {self._world.now():.4f}: {text}")

    # What happens ----------------------------------------------------------------------------

    def open(self, client: str, process: Process, fed: Mapping[str, bytes], budget: float) -> Entry:
        """A request is about to be given to the client."""
        entry = Entry(len(self.entries), client, process, fed, self._world.now(), budget, False)
        self.entries.append(entry)
        for content in fed.values():
            self._by_input[content] = entry
        return entry

    def sent(self, hop: Hop, send: TensorSend) -> None:
        """The client sends an input."""
        key = send.key
        plain = (key.generation, key.client, key.session, key.sequence, key.attempt)
        entry = self._by_input.get(bytes(send.payload))
        if entry is None:
            self.violation(f"an input that no request has is sent as {key}")
            return
        if self._by_key.setdefault(plain, entry) is not entry:
            self.violation(f"{key} stands for {self._by_key[plain]} and for {entry}")
        if (plain, send.tensor, hop) in self._inputs:
            self.violation(f"input {send.tensor} of {key} is sent to {hop} twice")
        self._inputs.add((plain, send.tensor, hop))
        entry.keys.add(plain)
        if entry.ended is not None:
            self.violation(f"{entry} is sent after its end")

    def end(self, entry: Entry, outcome: Result | RequestError) -> None:
        """The client says how a request ended."""
        now = self._world.now()
        self._world.say("ends", entry, type(outcome).__name__, outcome)
        if entry.ended is not None:
            self.violation(f"{entry} ended twice: {entry.outcome} and {outcome}")
            return
        entry.ended, entry.outcome = now, outcome
        due = max(entry.opened + entry.budget, entry.process.continued_at)
        if now > due + LATE_SECONDS:
            self.violation(f"{entry} ended {now - due:.3f} s after its deadline: {outcome}")
        if isinstance(outcome, Result):
            self._check_result(entry, outcome)
        elif not isinstance(outcome, TYPED):
            self.violation(f"{entry} ended with {type(outcome).__name__}: {outcome}")
        elif entry.must is Must.RESULT:
            self.violation(f"{entry} has no result: {type(outcome).__name__}: {outcome}")

    def _check_result(self, entry: Entry, result: Result) -> None:
        if entry.must is Must.FAIL:
            self.violation(f"{entry} has a result, and its input fails or ends every worker")
        graph = self.graphs.get(result.generation)
        if graph is None:
            self.violation(f"{entry} has a result of no generation there was")
            return
        right = graph.answer(entry.fed, result.attempts)
        given = {name: value.tobytes() for name, value in result.tensors.items()}
        if given != right:
            wrong = [name for name in right if given.get(name) != right[name]]
            self.violation(f"{entry} has a wrong result: {wrong}")

    @property
    def under_way(self) -> bool:
        """Whether a request of a living client has not ended."""
        return any(entry.ended is None and entry.process.alive for entry in self.entries)

    # What must hold --------------------------------------------------------------------------

    def close(self) -> None:
        """All is over: nothing is open, and the books are right."""
        for entry in self.entries:
            if entry.ended is None and entry.process.alive:
                self.violation(f"{entry} never ended")
            if len(entry.keys) > MOST_ATTEMPTS:
                self.violation(f"{entry} took {len(entry.keys)} attempts")
        self._check_load()

    def _check_load(self) -> None:
        requests = Counter(entry.client for entry in self.entries)
        attempts = Counter[str]()
        for entry in self.entries:
            attempts[entry.client] += len(entry.keys)
        for client, count in requests.items():
            most = (1 + EXTRA_SHARE) * count + EXTRA_ATTEMPTS
            if attempts[client] > most:
                self.violation(f"{client} made {attempts[client]} attempts for {count} requests")

    def counts(self) -> Counter[str]:
        """How requests ended, by type."""
        return Counter(
            type(entry.outcome).__name__ if entry.ended is not None else "gone"
            for entry in self.entries
        )
