"""One check for whoever places: what is wrong with its answer to a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from edgechain.errors import CannotPlace
from edgechain.spec.plan import Placement, Score
from edgechain.spec.problem import Objective, Problem
from tests.plan.exhaustive import Cost, Judge, Owner

Planner = Callable[[Problem, Objective], Placement]

ROUNDING = 1e-9


class Fault(StrEnum):
    """What can be wrong with an answer."""

    REFUSED = "it says that nothing fits, and something does"
    TORN = "not every unit is on exactly one device"
    FORBIDDEN = "its placement is not allowed"
    FORM = "its shares are out of order, or not what they say"
    FIGURES = "its placement does not come to what it says"
    WORSE = "there is a better placement"
    BOUND = "its lower bound is above the best"
    UNPROVED = "it does not know that it is the best"


def faults(judge: Judge, objective: Objective, planner: Planner) -> list[Fault]:
    """Everything that is wrong with a planner's answer; nothing, if it is right."""
    try:
        found = planner(judge.problem, objective)
    except CannotPlace:
        return [Fault.REFUSED] if judge.best else []
    owner = owner_of(judge.problem, found)
    if owner is None:
        return [Fault.TORN]
    cost = judge.cost(owner)
    if cost is None:
        return [Fault.FORBIDDEN]
    wrong = list(_against_the_best(judge.best[objective][0], cost.of(objective), found))
    if found.objective is not objective or not formed(judge, owner, found):
        wrong.append(Fault.FORM)
    if not comes_to(found.score, cost):
        wrong.append(Fault.FIGURES)
    return wrong


def _against_the_best(best: float, value: float, found: Placement) -> Iterator[Fault]:
    if value > best and not same_number(value, best):
        yield Fault.WORSE
    if found.lower_bound > best and not same_number(found.lower_bound, best):
        yield Fault.BOUND
    if not found.is_exact or found.gap != 0:
        yield Fault.UNPROVED


def owner_of(problem: Problem, placement: Placement) -> Owner | None:
    """Who owns each unit; ``None`` unless every one has exactly one owner."""
    owners = {unit: share.board for share in placement.shares for unit in share.units}
    placed = sorted(unit for share in placement.shares for unit in share.units)
    if placed != list(range(len(problem.units))):
        return None
    return tuple(owners[unit] for unit in placed)


def formed(judge: Judge, owner: Owner, placement: Placement) -> bool:
    """Whether every share is one device's, in order, with its work, behind what it waits for."""
    work, crossing = judge.work(owner) or {}, judge.crossing(owner)
    order = [share.board for share in placement.shares]
    return (
        sorted(order) == sorted(work)
        and placement.is_split == (len(work) > 1)
        and all(order.index(source) < order.index(target) for source, target in crossing)
        and all(list(share.units) == sorted(share.units) for share in placement.shares)
        and all(same_number(share.seconds, work[share.board]) for share in placement.shares)
        and bool(placement.score.limits)
    )


def comes_to(score: Score, cost: Cost) -> bool:
    """Whether a score says what the judge says."""
    same = same_number(score.period, cost.period), same_number(score.latency, cost.latency)
    return all(same)


def same_number(one: float, other: float) -> bool:
    """Whether two values differ by rounding at most."""
    return one == other or abs(one - other) <= ROUNDING * max(abs(one), abs(other))
