"""Several stages on one device: branches of a frame side by side, and what only others do well.

Where a device holds one group of units and runs it whole, it sends nothing before the last of them
is done, and nothing that comes back to it can be used. So a branch on another device helps little.
With several stages on a device it does: what comes before the fork, one of the branches, and what
comes after the join can all be where they are, and only the other branches travel. So can what one
device is bad at, or what somebody wants elsewhere, in the middle of what it is good at.

Which device a unit is on says where stages begin and end: where the number of crossings on the way
to a unit changes, or on the way from it. Stages made so never wait for each other in a circle: on
every way the one number only grows and the other only shrinks. Then what need not be apart is put
together again. Nothing here is proved to be best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import least_seconds, lower_bound
from edgechain.plan.dominators import dominated, dominators
from edgechain.plan.schedule import reads_of, staged_score
from edgechain.plan.score import Owner, owner_of, quickest_owner, share_of
from edgechain.spec.plan import Placement, Share
from edgechain.spec.problem import Objective, Problem

LEAST_SHARE = 0.01
"""Of all work: a branch with less is not worth a message."""

MOST_PASSES = 4
"""Over all branches; the first ones bring most."""

WORTH = 0.01
"""A plan with more stages has to be better by that share."""

MOST_LOOKS = 300
"""Placements that are scored for a small period from one start: half a second for a large net."""


def with_more_stages(problem: Problem, found: Placement) -> Placement:
    """The same or a better one for its objective, in which devices may have several stages.

    Its bound is one for all such plans; what was proved before is its ``single_bound``.
    """
    objective, single = found.objective, found.lower_bound
    bound, value = lower_bound(problem, objective), found.score.value(objective)
    search = _Search(problem, objective)
    if bound < value * (1 - WORTH):
        owners = [owner_of(found.shares)]
        if objective is Objective.THROUGHPUT:
            owners += _simple_owners(problem)
        search.run(owners)
    shares, best = found.shares, found.score
    if search.shares is not None and search.value < value * (1 - WORTH):
        shares, best = search.shares, staged_score(problem, search.shares)
    bound = min(bound, best.value(objective))
    return replace(found, shares=shares, score=best, lower_bound=bound, single_bound=single)


def in_stages_only(problem: Problem, objective: Objective) -> Placement | None:
    """A placement where none with one stage on each device was found; ``None`` if still none is."""
    search = _Search(problem, objective)
    search.run(_simple_owners(problem))
    if search.shares is None:
        return None
    best = staged_score(problem, search.shares)
    bound = min(lower_bound(problem, objective), best.value(objective))
    return Placement(objective, search.shares, best, bound)


def _simple_owners(problem: Problem) -> list[Owner]:
    """Everything on one device, and what that cannot run where it is quickest; or all there."""
    boards, quickest = range(len(problem.boards)), quickest_owner(problem)
    kinds = {problem.kind(board): board for board in reversed(boards)}.values()
    owners = [quickest]
    for board in sorted(kinds if problem.wires is None else boards):
        able = problem.seconds[board]
        owners.append([board if able[unit] < math.inf else q for unit, q in enumerate(quickest)])
    return owners


def stages(problem: Problem, owner: Owner) -> tuple[Share, ...]:
    """What every device runs one after the other, each stage behind all that it reads."""
    after = [0] * len(owner)
    for unit, reads in enumerate(problem.reads):
        ways = (after[read] + (owner[read] != owner[unit]) for read in reads)
        after[unit] = max(ways, default=0)
    before = [0] * len(owner)
    for unit in range(len(owner) - 1, -1, -1):
        readers = problem.readers[unit]
        ways = (before[reader] + (owner[reader] != owner[unit]) for reader in readers)
        before[unit] = max(ways, default=0)
    groups: dict[tuple[int, int, int], list[int]] = {}
    for unit, board in enumerate(owner):
        groups.setdefault((after[unit], -before[unit], board), []).append(unit)
    return tuple(share_of(problem, key[-1], units) for key, units in sorted(groups.items()))


class _Search:
    """Moves branches to other devices, as long as that makes the objective smaller."""

    def __init__(self, problem: Problem, objective: Objective):
        self._problem = problem
        self._objective = objective
        self._branches = _branches(problem)
        self._looks = MOST_LOOKS
        self._owner: Owner = []
        self._work: list[float] = []
        """By device the work of what it is given now."""
        self.value = math.inf
        self.shares: tuple[Share, ...] | None = None
        """The best so far, and what it comes to."""

    def run(self, owners: Iterable[Owner]) -> None:
        """From each of these, until a pass over all branches brings nothing; the best is kept."""
        best: tuple[float, tuple[Share, ...] | None] = (math.inf, None)
        for owner in owners:
            self._walk(owner)
            if self.value < best[0]:
                best = self.value, self.shares
        self.value, self.shares = best

    def _walk(self, owner: Owner) -> None:
        self._owner, self.value, self.shares = owner, math.inf, None
        self._looks = MOST_LOOKS
        self._look(owner)
        for _ in range(MOST_PASSES if self.shares is not None else 0):
            before = self.value
            for branch in self._branches:
                for board in self._boards():
                    self._move(branch, board)
            if not self.value < before:
                break
        self._join()

    def _boards(self) -> Iterator[int]:
        """Devices that are used, and of the others one of every kind."""
        used, seen = set(self._owner), set[object]()
        for board in range(len(self._problem.boards)):
            kind = self._problem.kind(board)
            if board in used:
                yield board
            elif self._problem.wires is not None or kind not in seen:
                seen.add(kind)
                yield board

    def _move(self, branch: Sequence[int], board: int) -> None:
        moving = [unit for unit in branch if self._owner[unit] != board]
        if self._looks <= 0 or not moving or not self._may_help(moving, board):
            return
        self._looks -= self._objective is Objective.THROUGHPUT
        moved = self._owner[:]
        for unit in moving:
            moved[unit] = board
        self._look(moved)

    def _may_help(self, moving: Sequence[int], board: int) -> bool:
        """Whether that device can run them; for a small period by what everybody works then."""
        takes, work = self._problem.seconds[board], self._work[:]
        for unit in moving:
            work[self._owner[unit]] -= self._problem.seconds[self._owner[unit]][unit]
            work[board] += takes[unit]
        if self._objective is Objective.THROUGHPUT:
            return max(work) < self.value
        return work[board] < math.inf

    def _look(self, owner: Owner) -> None:
        """Take it if it is better."""
        shares = stages(self._problem, owner)
        try:
            value = staged_score(self._problem, shares).value(self._objective)
        except CannotPlace:
            return
        if value < self.value * (1 - 1e-9):
            self._owner, self.value, self.shares = owner, value, shares
            self._work = [0.0] * len(self._problem.boards)
            for unit, board in enumerate(owner):
                self._work[board] += self._problem.seconds[board][unit]

    def _join(self) -> None:
        """Put stages of one device together where that costs nothing, the first ones first."""
        place = 0
        while self.shares is not None and place < len(self.shares):
            if not any(map(self._joined, self._together(place))):
                place += 1

    def _together(self, place: int) -> Iterator[tuple[Share, ...]]:
        """The stages with one more in that one."""
        shares = self.shares or ()
        one = shares[place]
        for later in range(place + 1, len(shares)):
            if shares[later].board == one.board:
                units = (*one.units, *shares[later].units)
                both = share_of(self._problem, one.board, units)
                yield (*shares[:place], both, *shares[place + 1 : later], *shares[later + 1 :])

    def _joined(self, shares: tuple[Share, ...]) -> bool:
        if (ordered := _in_order(self._problem, shares)) is None:
            return False
        value = staged_score(self._problem, ordered).value(self._objective)
        if value > self.value:
            return False
        self.value, self.shares = value, ordered
        return True


def _branches(problem: Problem) -> list[tuple[int, ...]]:
    """What could move as a whole, the ones with most work first.

    That is every unit and all it dominates, every unit and all that waits for it, and every unit.
    """
    alone = [(unit,) for unit in range(len(problem.units))]
    branches = dominated(dominators(dict(enumerate(problem.reads)))).values()
    sets = dict.fromkeys((*map(tuple, branches), *_descendants(problem), *alone))
    least = least_seconds(problem)
    work = {members: sum(least[unit] for unit in members) for members in sets}
    enough = LEAST_SHARE * sum(least)
    return sorted((m for m in sets if work[m] >= enough), key=lambda m: -work[m])


def _descendants(problem: Problem) -> list[tuple[int, ...]]:
    found: list[set[int]] = [{unit} for unit in range(len(problem.units))]
    for unit in range(len(found) - 1, -1, -1):
        for reader in problem.readers[unit]:
            found[unit] |= found[reader]
    return [tuple(sorted(members)) for members in found]


def _in_order(problem: Problem, shares: Sequence[Share]) -> tuple[Share, ...] | None:
    """The stages so that each reads only from those before it; ``None`` where they cannot."""
    waits = dict(enumerate(reads_of(problem, shares)))
    order: list[int] = []
    while waits:
        free = [place for place, sources in waits.items() if sources <= set(order)]
        if not free:
            return None
        order.append(free[0])
        del waits[free[0]]
    return tuple(shares[place] for place in order)
