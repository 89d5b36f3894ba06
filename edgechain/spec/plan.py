"""What the planner answers: who runs what, how fast that is, and how fast it could be at best."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.spec.problem import Objective


@dataclass(frozen=True, slots=True)
class Share:
    """What one device does: places of units, ascending, and their work."""

    board: int
    units: tuple[int, ...]
    seconds: float


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
    """Every unit on one device, in an order in which the shares can run one after the other.

    ``lower_bound`` is proved: no placement is better; ``is_exact``: this one reaches it.
    """

    objective: Objective
    shares: tuple[Share, ...]
    score: Score
    lower_bound: float

    @property
    def is_split(self) -> bool:
        """Whether more than one device has work."""
        return len(self.shares) > 1

    @property
    def is_exact(self) -> bool:
        """Whether nothing better exists, but for rounding."""
        return self.score.value(self.objective) <= self.lower_bound * (1 + 1e-9)

    @property
    def gap(self) -> float:
        """How much better it could be at best, as a share of what it is."""
        value = self.score.value(self.objective)
        return 0.0 if self.is_exact else 1.0 - self.lower_bound / value
