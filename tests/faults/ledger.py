"""What a client asked and how each request ended, judged against the only right answer. Pure.

``now`` is seconds of any one monotonic clock.
"""

from __future__ import annotations

import itertools
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgechain.errors import RequestError
from tests.faults.hash_chain import Answer, Run

LATE_SECONDS = 0.05
"""DESIGN.md, section 3: a request ends no later than its deadline and so much."""

REMEMBERED = 4096
"""Requests whose answers are known again when another request gets them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One request's end. ``error`` is the error's type, empty for a right answer."""

    number: int
    submitted: float
    ended: float
    error: str = ""
    runs: tuple[Run, ...] = ()

    @property
    def seconds(self) -> float:
        """From its submission to its end."""
        return self.ended - self.submitted


@dataclass(frozen=True, slots=True)
class Account:
    """Exact counts. ``faults`` are those that the promise forbids."""

    submitted: int
    right: int
    errors: tuple[tuple[str, int], ...]
    lost: int
    """Not ended when all deadlines were over."""
    doubled: int
    """Ended twice, or with the very run of a stage that another request was answered with."""
    mixed: int
    """Answered with anything but the right answer."""
    late: int
    untyped: int
    """Ended with an exception that is no ``RequestError``."""

    @property
    def failed(self) -> int:
        """Requests that ended with a typed error."""
        return sum(count for _, count in self.errors)

    @property
    def share(self) -> float:
        """Results by requests."""
        return self.right / self.submitted if self.submitted else 0.0

    @property
    def faults(self) -> int:
        """What must be 0; so must what the books leave over."""
        left = self.submitted - self.right - self.failed - self.mixed - self.lost - self.untyped
        return self.lost + self.doubled + self.mixed + self.late + self.untyped + abs(left)

    def __str__(self) -> str:
        faults = (
            f"{self.lost} lost, {self.doubled} doubled, {self.mixed} mixed, {self.late} late"
            + (f", {self.untyped} untyped" if self.untyped else "")
        )
        reasons = ", ".join(f"{count} {name}" for name, count in self.errors)
        return f"{faults} of {self.submitted}" + (f" ({reasons})" if reasons else "")


class Ledger:
    """One client's books. ``expected`` gives the right digest of a request.

    ``keeps`` every end for later questions; without it memory does not grow.
    """

    def __init__(self, expected: Callable[[int], bytes], *, keeps: bool = True):
        self._expected = expected
        self._keeps = keeps
        self._open: dict[int, tuple[float, float]] = {}
        self._numbers = 0
        self._right = self._lost = self._doubled = self._mixed = self._late = self._untyped = 0
        self._errors: Counter[str] = Counter()
        self._delivered: OrderedDict[tuple[int, int], int] = OrderedDict()
        self.ends: list[Ended] = []
        self.oddities: list[str] = []
        """The first words on what should not have been."""

    def submit(self, now: float, budget: float) -> int:
        """A request is given to the client; its number."""
        number = self._numbers
        self._numbers += 1
        self._open[number] = (now, budget)
        return number

    def answered(self, number: int, now: float, answer: Answer) -> None:
        """A request ended with an answer."""
        submitted = self._end(number, now)
        if submitted is None:
            return
        if answer.digest != self._expected(number):
            self._mixed += 1
            self._note(f"request {number} got the answer of {answer.number}")
            return
        last = answer.runs[-1]
        if self._delivered.setdefault((last.pid, last.count), number) != number:
            self._doubled += 1
        if len(self._delivered) > REMEMBERED:
            self._delivered.popitem(last=False)
        self._right += 1
        if self._keeps:
            self.ends.append(Ended(number, submitted, now, "", answer.runs))

    def failed(self, number: int, now: float, error: BaseException) -> None:
        """A request ended with an error."""
        submitted = self._end(number, now)
        if submitted is None:
            return
        if isinstance(error, RequestError):
            self._errors[type(error).__name__] += 1
        else:
            self._untyped += 1
            self._note(f"request {number}: {type(error).__name__}: {error}")
        if self._keeps:
            self.ends.append(Ended(number, submitted, now, type(error).__name__))

    def give_up(self) -> None:
        """All deadlines are long over: what is open now will never end."""
        for number in self._open:
            self._note(f"request {number} never ended")
        self._lost += len(self._open)
        self._open.clear()

    def _end(self, number: int, now: float) -> float | None:
        """When it was submitted; ``None`` when it had ended before."""
        entry = self._open.pop(number, None)
        if entry is None:
            self._doubled += 1
            self._note(f"request {number} ended again")
            return None
        submitted, budget = entry
        if now > submitted + budget + LATE_SECONDS:
            self._late += 1
            self._note(f"request {number} ended {now - submitted:.3f} s after it began")
        return submitted

    def _note(self, text: str) -> None:
        if len(self.oddities) < 10:
            self.oddities.append(text)

    @property
    def under_way(self) -> int:
        """Requests that have not ended."""
        return len(self._open)

    def account(self) -> Account:
        """The counts so far."""
        return Account(
            self._numbers,
            self._right,
            tuple(self._errors.most_common()),
            self._lost,
            self._doubled,
            self._mixed,
            self._late,
            self._untyped,
        )


def together(accounts: Iterable[Account]) -> Account:
    """Several books as one."""
    found = list(accounts)
    errors: Counter[str] = Counter()
    for account in found:
        errors.update(dict(account.errors))
    return Account(
        submitted=sum(a.submitted for a in found),
        right=sum(a.right for a in found),
        errors=tuple(errors.most_common()),
        lost=sum(a.lost for a in found),
        doubled=sum(a.doubled for a in found),
        mixed=sum(a.mixed for a in found),
        late=sum(a.late for a in found),
        untyped=sum(a.untyped for a in found),
    )


def longest_gap(ends: Sequence[Ended], start: float, end: float) -> float:
    """The longest time between two right answers from ``start`` to ``end``, both included."""
    times = sorted(e.ended for e in ends if not e.error and start <= e.ended <= end)
    marks = [start, *times, end]
    return max(after - before for before, after in itertools.pairwise(marks))
