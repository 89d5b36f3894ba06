"""What the planner answers: who runs what, how fast that is, and how fast it could be at best."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgechain.spec.problem import Objective

SAME = 1 + 1e-9
"""Times that are no more than so many times another are not longer: sums are rounded."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A further device that runs a stage, and its work for a request that it takes."""

    board: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Share:
    """What one device does as a whole: places of units, ascending, and their work.

    ``copies`` run the same units and take turns with it: every request goes to one of them, to
    each as often as it is fast.
    """

    board: int
    units: tuple[int, ...]
    seconds: float
    copies: tuple[Copy, ...] = ()

    @property
    def boards(self) -> tuple[int, ...]:
        """All devices that do it."""
        return (self.board, *(copy.board for copy in self.copies))


@dataclass(frozen=True, slots=True)
class Score:
    """What a placement comes to. ``limits`` says in words what the period comes from."""

    period: float
    latency: float
    limits: str

    def value(self, objective: Objective) -> float:
        """The seconds that were to be small."""
        return self.period if objective is Objective.THROUGHPUT else self.latency


@dataclass(frozen=True, slots=True)
class Placement:
    """Every unit in one share, in an order in which the shares can run one after the other.

    A device has one share, or several where the problem lets it.

    ``packed`` are the units whose outputs cross packed, by their places, ascending.

    ``lower_bound`` is proved: no placement is better, whatever crosses packed; ``is_exact``: this
    one reaches it. Where copies were allowed that is meant of placements with copies, too. Where a
    device may have several shares it is a bound for those; then ``single_bound`` is one for
    placements with one share on each, if there are any.
    """

    objective: Objective
    shares: tuple[Share, ...]
    score: Score
    lower_bound: float
    packed: tuple[int, ...] = ()
    single_bound: float | None = None

    @property
    def boards(self) -> tuple[int, ...]:
        """The devices that have work, by their places, in the order of their first shares."""
        return tuple(dict.fromkeys(board for share in self.shares for board in share.boards))

    @property
    def is_split(self) -> bool:
        """Whether a request needs more than one device."""
        return any(share.board != self.shares[0].board for share in self.shares)

    @property
    def has_copies(self) -> bool:
        """Whether several devices do the same."""
        return any(share.copies for share in self.shares)

    @property
    def is_exact(self) -> bool:
        """Whether nothing better exists, but for rounding."""
        return self._reaches(self.lower_bound)

    @property
    def is_best_single(self) -> bool:
        """Whether nothing better exists with one share on each device, and it has no more."""
        reaches = self.single_bound is not None and self._reaches(self.single_bound)
        return reaches and not self.is_staged

    @property
    def is_staged(self) -> bool:
        """Whether a device has several shares."""
        return len(self.shares) > len({share.board for share in self.shares})

    def beside(self, lower_bound: float, single_bound: float | None = None) -> Placement:
        """The same with other bounds, neither of which is above what it comes to."""
        value = self.score.value(self.objective)
        single = None if single_bound is None else min(single_bound, value)
        return replace(self, lower_bound=min(lower_bound, value), single_bound=single)

    def _reaches(self, bound: float) -> bool:
        return self.score.value(self.objective) <= bound * SAME

    @property
    def gap(self) -> float:
        """How much better it could be at best, as a share of what it is."""
        value = self.score.value(self.objective)
        return 0.0 if self.is_exact else 1.0 - self.lower_bound / value
