"""Several plans for one problem, to be seen beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.plan.explain import verdict
from edgechain.plan.place import alone, place
from edgechain.plan.sharing import place_with_copies
from edgechain.plan.turns import copies_verdict
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem


@dataclass(frozen=True, slots=True)
class Option:
    """A plan that may be chosen: its name, what it solves, and what is to be said of it.

    ``threads`` are those of every device, where they are known.
    """

    name: str
    problem: Problem
    placement: Placement
    says: str
    threads: tuple[int, ...] = ()


def chosen(problem: Problem, objective: Objective) -> Option:
    """The best for one objective. Raises ``CannotPlace`` where nothing fits."""
    return as_option(problem, place(problem, objective), problem)


def as_option(
    problem: Problem, found: Placement, single: Problem, threads: tuple[int, ...] = ()
) -> Option:
    """What was found as an option, judged beside what one device does alone in ``single``."""
    return Option(f"for {found.objective}", problem, found, verdict(single, found), threads)


def shared(problem: Problem) -> Option:
    """The best for throughput if devices may run copies. Raises ``CannotPlace``."""
    single = place(problem, Objective.THROUGHPUT)
    found = place_with_copies(problem, single)
    return as_shared(problem, found, single, problem)


def as_shared(
    problem: Problem,
    found: Placement,
    single: Placement,
    alone: Problem,
    threads: tuple[int, ...] = (),
) -> Option:
    """What was found with copies as an option, judged beside the best without them.

    That is judged beside what one device does alone in ``alone``.
    """
    says = copies_verdict(alone, found, single)
    return Option("with copies", problem, found, says, threads)


def compared(problem: Problem) -> tuple[Option, ...]:
    """No split, if one device can do it all, and the best for each objective, in that order.

    Raises ``CannotPlace`` where nothing fits.
    """
    return beside_unsplit(problem, [chosen(problem, objective) for objective in Objective])


def beside_unsplit(
    single: Problem, best: Sequence[Option], threads: tuple[int, ...] = ()
) -> tuple[Option, ...]:
    """Options, and before them what one device does alone in ``single``, if one can."""
    return (*_unsplit(single, best[0].placement, threads), *best)


def _unsplit(problem: Problem, best: Placement, threads: tuple[int, ...]) -> tuple[Option, ...]:
    """Everything on one device, beside the bound of what is best."""
    single = alone(problem, best.objective, best.lower_bound)
    if single is None:
        return ()
    name = problem.boards[single.shares[0].board].name
    says = f"everything on {name}: no single device does it sooner"
    return (Option("not split", problem, single, says, threads),)
