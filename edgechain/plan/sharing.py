"""The best placement in which several devices may run copies of a stage, beside a proved bound.

Devices are dealt to teams in many ways, every team is taken for one device, and the units are
placed on these as on any others; then what it comes to is reckoned exactly, and single units and
devices are moved as long as that helps. Everything on all devices that can have it, and the best
placement without copies, are always looked at: it is never worse than either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgechain.errors import CannotPlace
from edgechain.plan.bounds import bound_with_copies
from edgechain.plan.copies import Staffed
from edgechain.plan.neighbours import State, beside, spare, without
from edgechain.plan.packed import may_pack, without_packing
from edgechain.plan.packing import best_of, priced, scored
from edgechain.plan.place import place
from edgechain.plan.score import owner_of
from edgechain.plan.teams import as_devices, teamings
from edgechain.spec.plan import SAME, Placement
from edgechain.spec.problem import Objective, Problem

TEAMINGS = 60
"""Ways to deal devices to teams that are looked at: all of up to five devices, nearly."""

PLACED = 4_000
"""Units that are placed on teams, again and again: some seconds for a large graph."""

LOOKS = 200_000
"""Units that are looked at in moving single ones: a second or two."""

_Times = tuple[float, ...]
"""What stages and links take, the longest first: so a move may help one of several equal ones."""


def place_shared(problem: Problem) -> Placement:
    """The placement with the smallest period that was found. Raises ``CannotPlace``."""
    return place_with_copies(problem, place(problem, Objective.THROUGHPUT))


def place_with_copies(
    problem: Problem,
    single: Placement,
    teams: int = TEAMINGS,
    looks: int = LOOKS,
    *,
    bound: float | None = None,
) -> Placement:
    """The same where ``single`` is known, which is the best one without copies.

    With fewer ``teams`` and ``looks`` it is quicker, and may find less. ``bound`` is what
    ``bound_with_copies`` says, for who has asked it already; that counts no links and no bytes
    between devices, so it holds whatever is packed.
    """
    if bound is None:
        bound = bound_with_copies(problem)
    if not may_pack(problem):
        return _place_with_copies(problem, single, teams, looks, bound)
    unpacked = replace(single, score=scored(problem, single.shares), packed=())
    found = [_place_with_copies(without_packing(problem), unpacked, teams, looks, bound)]
    for one in map(without_packing, priced(problem)):
        try:
            alone = place(one, Objective.THROUGHPUT)
        except CannotPlace:
            continue
        found.append(_place_with_copies(one, alone, teams, looks, bound))
    best = best_of(problem, single, found)
    return best.beside(bound)


def _place_with_copies(
    problem: Problem, single: Placement, teams: int, looks: int, bound: float
) -> Placement:
    """The same where everything crosses as it is."""
    search = _Search(problem, bound, looks)
    for state in _candidates(problem, single, min(teams, PLACED // len(problem.units))):
        search.look(state)
        if search.is_done:
            break
    best = search.improved()
    if best is None or best.score().period >= single.score.period / SAME:
        return single.beside(bound)
    return best.placement(bound)


def _candidates(problem: Problem, single: Placement, teams: int) -> Iterator[State]:
    """What is worth a look, the simple ones first."""
    owner = owner_of(single.shares)
    yield owner, {board: (board,) for board in set(owner)}
    if able := _able(problem):
        yield [able[0]] * len(problem.units), {able[0]: able}
    for dealt in teamings(problem, teams)[:teams]:
        if len(dealt) < len(problem.boards):
            yield from _placed(problem, dealt)


def _able(problem: Problem) -> tuple[int, ...]:
    """Devices that can have everything."""
    need = problem.memory(range(len(problem.units)))
    return tuple(
        place
        for place, seconds in enumerate(problem.seconds)
        if sum(seconds) < float("inf") and need <= problem.room[place]
    )


def _placed(problem: Problem, teams: Sequence[tuple[int, ...]]) -> Iterator[State]:
    """The best placement on teams, if there is any."""
    try:
        found = place(as_devices(problem, teams), Objective.THROUGHPUT)
    except CannotPlace:
        return
    used = {teams[share.board][0]: teams[share.board] for share in found.shares}
    yield [teams[team][0] for team in owner_of(found.shares)], used


class _Search:
    """The best of several states, and of what lies near them."""

    def __init__(self, problem: Problem, bound: float, looks: int):
        self._problem, self._bound = problem, bound
        self._looks = looks // len(problem.units)
        self._found: list[tuple[_Times, State]] = []
        self._best: tuple[_Times, State] | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing can be better."""
        return self._best is not None and self._best[0][0] <= self._bound * SAME

    def look(self, state: State) -> None:
        """Keep it, if it is allowed."""
        times = self._times(state)
        if times is not None:
            self._found.append((times, state))
            self._keep(times, state)

    def improved(self) -> Staffed | None:
        """The best, with no device that brings nothing; the most promising are improved first."""
        for times, state in sorted(self._found, key=lambda one: one[0]):
            if self.is_done or self._looks <= 0:
                break
            self._keep(*self._walk(times, state))
        if self._best is None:
            return None
        return Staffed(self._problem, *self._without_idlers(*self._best))

    def _keep(self, times: _Times, state: State) -> None:
        if self._best is None or times < self._best[0]:
            self._best = times, state

    def _times(self, state: State) -> _Times | None:
        try:
            found = Staffed(self._problem, *state).times()
        except CannotPlace:
            return None
        return tuple(sorted((seconds for seconds, _ in found), reverse=True))

    def _walk(self, times: _Times, state: State) -> tuple[_Times, State]:
        """From one state to a better one beside it, until there is none."""
        while True:
            better = self._step(times, state)
            if better is None:
                return times, state
            times, state = better

    def _step(self, times: _Times, state: State) -> tuple[_Times, State] | None:
        for other in beside(self._problem, state):
            self._looks -= 1
            if self._looks <= 0:
                return None
            found = self._times(other)
            if found is not None and found < times:
                return found, other
        return None

    def _without_idlers(self, times: _Times, state: State) -> State:
        """The same without the copies that do not make the period smaller."""
        for board in range(len(self._problem.boards)):
            if board in spare(self._problem, state[1]):
                fewer = without(state, board)
                found = self._times(fewer)
                if found is not None and found[0] <= times[0] * SAME:
                    state = fewer
        return state
