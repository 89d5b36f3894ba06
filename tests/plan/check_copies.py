"""One check for whoever places with copies: what is wrong with its answer to a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import lower_bound
from edgechain.plan.copies import Staffed, loads
from edgechain.plan.place import place
from edgechain.plan.sharing import place_with_copies
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem
from tests.plan.check import Fault, comes_to, same_number
from tests.plan.exhaustive_copies import CopiesJudge, Stages, Teams

CopiesPlanner = Callable[[Problem], Placement]


def planned(problem: Problem) -> Placement:
    """What is checked."""
    return place_with_copies(problem, place(problem, Objective.THROUGHPUT))


def faults_with_copies(judge: CopiesJudge, planner: CopiesPlanner) -> list[Fault]:
    """Everything that is wrong with an answer, but that a better one was not found."""
    try:
        found = planner(judge.problem)
    except CannotPlace:
        return [] if judge.best is None else [Fault.REFUSED]
    answer = answer_of(judge.problem, found)
    if answer is None:
        return [Fault.TORN]
    cost = judge.cost(*answer)
    if cost is None or judge.best is None:
        return [Fault.FORBIDDEN]
    wrong = list(_against_the_best(judge.problem, judge.best, cost.period, found))
    if not comes_to(found.score, cost):
        wrong.append(Fault.FIGURES)
    return wrong


def _against_the_best(
    problem: Problem, best: float, period: float, found: Placement
) -> Iterator[Fault]:
    if found.lower_bound > best and not same_number(found.lower_bound, best):
        yield Fault.BOUND
    single = place(problem, Objective.THROUGHPUT).score.period
    if period > single and not same_number(period, single):
        yield Fault.WORSE


def answer_of(problem: Problem, found: Placement) -> tuple[Stages, Teams] | None:
    """Stages and their devices; ``None`` if a unit or a device is in none or in several."""
    boards = [board for share in found.shares for board in share.boards]
    placed = {unit: at for at, share in enumerate(found.shares) for unit in share.units}
    count = sum(len(share.units) for share in found.shares)
    if len(set(boards)) < len(boards) or not len(placed) == count == len(problem.units):
        return None
    stages = tuple(placed[unit] for unit in range(count))
    return stages, tuple(share.boards for share in found.shares)


def blind_to_memory(problem: Problem) -> Placement:
    boards = tuple(replace(board, memory_bytes=None) for board in problem.boards)
    return planned(replace(problem, boards=boards))


def blind_to_links(problem: Problem) -> Placement:
    return planned(replace(problem, wires=None))


def blind_to_the_client(problem: Problem) -> Placement:
    units = (replace(unit, request_bytes=0, result_bytes=0) for unit in problem.units)
    return planned(replace(problem, units=tuple(units)))


def blind_to_media(problem: Problem) -> Placement:
    boards = (replace(board, medium=None) for board in problem.boards)
    return planned(replace(problem, boards=tuple(boards)))


def everybody_has_everything(problem: Problem) -> Placement:
    every = tuple(range(len(problem.boards)))
    return Staffed(problem, [0] * len(problem.units), {0: every}).placement(0.0)


def takes_turns_evenly(problem: Problem) -> Placement:
    """It thinks that a slow copy takes as many requests as a quick one."""
    found = planned(problem)
    teams = {board: len(share.boards) for share in found.shares for board in share.boards}
    busy = max(load.seconds / teams[load.board] for load in loads(problem, found))
    return replace(found, score=replace(found.score, period=busy))


def hopes_for_the_best_route(problem: Problem) -> Placement:
    """It tells the latency of the first devices, which are the quickest."""
    found = planned(problem)
    lone = {share.board: (share.board,) for share in found.shares}
    owners = {unit: share.board for share in found.shares for unit in share.units}
    short = Staffed(problem, [owners[unit] for unit in sorted(owners)], lone).score().latency
    return replace(found, score=replace(found.score, latency=short))


def works_twice(problem: Problem) -> Placement:
    """The first device also helps the last stage."""
    found = planned(problem)
    *others, last = found.shares
    first = found.shares[0].board
    copies = (*last.copies, replace(last.copies[0], board=first)) if last.copies else ()
    return replace(found, shares=(*others, replace(last, copies=copies)))


def bound_without_copies(problem: Problem) -> Placement:
    """Its bound is true of placements without copies."""
    return replace(planned(problem), lower_bound=lower_bound(problem, Objective.THROUGHPUT))


BROKEN_WITH_COPIES: Mapping[CopiesPlanner, Fault] = {
    blind_to_memory: Fault.FORBIDDEN,
    blind_to_links: Fault.FIGURES,
    blind_to_the_client: Fault.FIGURES,
    blind_to_media: Fault.FIGURES,
    everybody_has_everything: Fault.WORSE,
    takes_turns_evenly: Fault.FIGURES,
    hopes_for_the_best_route: Fault.FIGURES,
    works_twice: Fault.TORN,
    bound_without_copies: Fault.BOUND,
}
"""What is found wrong with each."""
