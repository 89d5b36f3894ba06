"""A planner that cannot be wrong, because it tries everything, and copies of it that are each
wrong in one way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgechain.errors import CannotPlace
from edgechain.spec.plan import Placement, Score, Share
from edgechain.spec.problem import Board, Objective, Problem, Wire
from tests.plan.check import Fault, Planner
from tests.plan.exhaustive import Cost, Devices, Judge, Links, Owner, longest_way, slowest


def patient(problem: Problem, objective: Objective) -> Placement:
    """The best of all placements."""
    judge = Judge(problem)
    if not judge.best:
        raise CannotPlace("nothing fits")
    value, owner = judge.best[objective]
    return placed(judge, objective, owner, value)


def placed(judge: Judge, objective: Objective, owner: Owner, bound: float) -> Placement:
    """A placement with its own figures, allowed or not."""
    work, (busy, links) = judge.work(owner) or {}, judge.times(owner) or ({}, {})
    cost = judge.cost(owner) or Cost(slowest(busy, links), longest_way(busy, links) or 0.0)
    shares = tuple(
        Share(board, tuple(unit for unit, b in enumerate(owner) if b == board), work[board])
        for board in _running_order(work, links)
    )
    return Placement(objective, shares, Score(cost.period, cost.latency, "made up"), bound)


def _running_order(work: Devices, links: Links) -> list[int]:
    """Devices behind what they wait for; those of a circle come last."""
    waiting, order = sorted(work), list[int]()
    while waiting:
        free = [b for b in waiting if not any(to == b and a in waiting for a, to in links)]
        order += free or waiting
        waiting = [board for board in waiting if board not in order]
    return order


def blind_to_memory(problem: Problem, objective: Objective) -> Placement:
    boards = tuple(replace(board, memory_bytes=None) for board in problem.boards)
    return patient(replace(problem, boards=boards), objective)


def _unpaid(problem: Problem) -> Problem:
    """The same problem with links that cost nothing."""
    wires = tuple(Wire(w.source, w.target, float("inf")) for w in problem.wires or ())
    return problem if problem.wires is None else replace(problem, wires=wires)


def blind_to_links(problem: Problem, objective: Objective) -> Placement:
    """It is honest about what its placement comes to, and knows the best."""
    best = patient(problem, objective)
    chosen = Judge(_unpaid(problem)).best[objective][1]
    return placed(Judge(problem), objective, chosen, best.lower_bound)


def blind_to_its_own_costs(problem: Problem, objective: Objective) -> Placement:
    """It forgets what a stage and its bytes cost a device; it knows the best."""
    best = patient(problem, objective)
    boards = tuple(Board(board.name, board.memory_bytes) for board in problem.boards)
    chosen = Judge(replace(problem, boards=boards)).best[objective][1]
    return placed(Judge(problem), objective, chosen, best.lower_bound)


def blind_to_the_client(problem: Problem, objective: Objective) -> Placement:
    """It forgets the way to the client and back; it knows the best."""
    best = patient(problem, objective)
    units = tuple(replace(unit, request_bytes=0, result_bytes=0) for unit in problem.units)
    chosen = Judge(replace(problem, units=units)).best[objective][1]
    return placed(Judge(problem), objective, chosen, best.lower_bound)


def blind_to_media(problem: Problem, objective: Objective) -> Placement:
    """It believes that every link has a medium of its own; it knows the best."""
    best = patient(problem, objective)
    boards = tuple(replace(board, medium=None) for board in problem.boards)
    chosen = Judge(replace(problem, boards=boards)).best[objective][1]
    return placed(Judge(problem), objective, chosen, best.lower_bound)


def flatters(problem: Problem, objective: Objective) -> Placement:
    """The best placement, with figures in which links cost nothing."""
    best = patient(problem, objective)
    flattered = patient(_unpaid(problem), objective)
    return replace(best, score=flattered.score)


def one_to_the_left(problem: Problem, objective: Objective) -> Placement:
    """The best placement, its first cut one unit further to the left where that is allowed."""
    judge = Judge(problem)
    best = patient(problem, objective)
    if not best.is_split or len(best.shares[0].units) < 2:
        return best
    owner = list(judge.best[objective][1])
    owner[best.shares[0].units[-1]] = best.shares[1].board
    moved = tuple(owner)
    if judge.cost(moved) is None:
        return best
    return placed(judge, objective, moved, best.lower_bound)


def blind_to_circles(problem: Problem, objective: Objective) -> Placement:
    """The smallest period, whoever waits for whom."""
    judge = Judge(problem)
    known = [
        (slowest(*times), owner)
        for owner in judge.every_owner()
        if (times := judge.times(owner)) is not None
    ]
    if not known:
        raise CannotPlace("nothing fits")
    return placed(judge, objective, min(known)[1], min(known)[0])


def never_splits(problem: Problem, objective: Objective) -> Placement:
    best = patient(problem, objective)
    if best.is_split:
        raise CannotPlace("it does not fit on one device")
    return best


def wants_the_other(problem: Problem, objective: Objective) -> Placement:
    """The period for the latency, and the other way round; it knows the best."""
    judge, best = Judge(problem), patient(problem, objective)
    other = next(one for one in Objective if one is not objective)
    return placed(judge, objective, judge.best[other][1], best.lower_bound)


def boasts(problem: Problem, objective: Objective) -> Placement:
    best = patient(problem, objective)
    return replace(best, lower_bound=best.lower_bound * 1.05)


def doubts(problem: Problem, objective: Objective) -> Placement:
    best = patient(problem, objective)
    return replace(best, lower_bound=best.lower_bound * 0.999)


def forgets(problem: Problem, objective: Objective) -> Placement:
    best = patient(problem, objective)
    return _with_first(best, best.shares[0].units[1:])


def runs_twice(problem: Problem, objective: Objective) -> Placement:
    best = patient(problem, objective)
    return _with_first(best, (*best.shares[0].units, best.shares[-1].units[-1]))


def _with_first(placement: Placement, units: tuple[int, ...]) -> Placement:
    first, *rest = placement.shares
    return replace(placement, shares=(replace(first, units=units), *rest))


def backwards(problem: Problem, objective: Objective) -> Placement:
    best = patient(problem, objective)
    return replace(best, shares=best.shares[::-1])


def forgetful_sum(problem: Problem, objective: Objective) -> Placement:
    """The best placement; what it says of its first device's work is short of a tenth."""
    best = patient(problem, objective)
    first, *rest = best.shares
    return replace(best, shares=(replace(first, seconds=first.seconds * 0.9), *rest))


BROKEN: Mapping[Planner, Fault] = {
    blind_to_memory: Fault.FORBIDDEN,
    blind_to_links: Fault.WORSE,
    blind_to_its_own_costs: Fault.WORSE,
    blind_to_the_client: Fault.WORSE,
    blind_to_media: Fault.WORSE,
    flatters: Fault.FIGURES,
    one_to_the_left: Fault.WORSE,
    blind_to_circles: Fault.FORBIDDEN,
    never_splits: Fault.REFUSED,
    wants_the_other: Fault.WORSE,
    boasts: Fault.BOUND,
    doubts: Fault.UNPROVED,
    forgets: Fault.TORN,
    runs_twice: Fault.TORN,
    backwards: Fault.FORM,
    forgetful_sum: Fault.FORM,
}
"""What is found wrong with each."""
