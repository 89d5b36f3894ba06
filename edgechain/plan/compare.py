"""Several plans for one problem, to be seen beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.plan.explain import verdict
from edgechain.plan.place import alone, place
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem


@dataclass(frozen=True, slots=True)
class Option:
    """A plan that may be chosen: its name, and what is to be said of it in a sentence."""

    name: str
    placement: Placement
    says: str


def chosen(problem: Problem, objective: Objective) -> Option:
    """The best for one objective. Raises ``CannotPlace`` where nothing fits."""
    found = place(problem, objective)
    return Option(f"for {objective}", found, verdict(problem, found))


def compared(problem: Problem) -> tuple[Option, ...]:
    """No split, if one device can do it all, and the best for each objective, in that order.

    Raises ``CannotPlace`` where nothing fits.
    """
    best = tuple(chosen(problem, objective) for objective in Objective)
    return (*_unsplit(problem, best[0].placement), *best)


def _unsplit(problem: Problem, best: Placement) -> tuple[Option, ...]:
    """Everything on one device, beside the bound of what is best."""
    single = alone(problem, best.objective, best.lower_bound)
    if single is None:
        return ()
    name = problem.boards[single.shares[0].board].name
    says = f"everything on {name}: no single device does it sooner"
    return (Option("not split", single, says),)
