"""Branch and bound over all placements: exact for small graphs, and says when it gave up.

Units are placed one after the other in their topological order. A branch is left when what is
already placed, and the least that the rest adds, is no better than the best that is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgechain.plan.bounds import (
    best_weights,
    least_seconds,
    lower_bound,
    tails,
    weighted,
)
from edgechain.plan.score import CLIENT, Ends, Found, Owner, on_media
from edgechain.spec.problem import Board, Objective, Problem

MOST_NODES = 100_000
"""Half a second to a second of search."""

DEEPEST = 500
"""Units; of so many it would not see the end."""

_SAME = 1 - 1e-12


def best_owner(
    problem: Problem,
    objective: Objective,
    *,
    below: float = math.inf,
    most_nodes: int = MOST_NODES,
) -> Found:
    """The best owner that is better than ``below``, or none.

    ``bound`` is what is proved: the owner's own value, ``below`` if there is no better one, and
    only what holds for every placement where the search had to stop early, or was not begun: for
    every unit it goes one call deeper.
    """
    if len(problem.units) > DEEPEST:
        return Found(None, lower_bound(problem, objective))
    search = _Search(problem, objective, below, most_nodes)
    search.go(0)
    proved = search.best if search.nodes > 0 else lower_bound(problem, objective)
    return Found(search.owner, proved)


@dataclass(slots=True)
class _State:
    """What the units that are placed come to, by device; copied from level to level."""

    work: list[float]
    memory: list[int]
    working: list[int]
    """What its units keep, and the most that one of them has besides while it runs."""
    requests: list[int]
    results: list[int]
    """Bytes from the client and to it."""
    sent: dict[tuple[int, int], int]
    """Bytes that cross, by sending and receiving device."""
    media: dict[str, float]
    """Seconds of what crosses each."""
    weight: float = 0.0
    """Work of all, each device's by its weight."""
    period: float = 0.0

    def copy(self) -> _State:
        return _State(
            self.work[:],
            self.memory[:],
            self.working[:],
            self.requests[:],
            self.results[:],
            dict(self.sent),
            dict(self.media),
            self.weight,
            self.period,
        )


class _Search:
    def __init__(self, problem: Problem, objective: Objective, below: float, nodes: int):
        self._problem = problem
        self._is_period = objective is Objective.THROUGHPUT
        self.best = below
        self.owner: Owner | None = None
        self.nodes = nodes
        self._placed = [-1] * len(problem.units)
        self._weights = best_weights(problem)
        self._rest = _sums_from(weighted(problem, self._weights))
        self._frontier = _frontiers(problem)
        boards = len(problem.boards)
        none = [0] * boards
        self._states = [
            _State(
                [0.0] * boards,
                none,
                none[:],
                none[:],
                none[:],
                {},
                dict.fromkeys(problem.media, 0.0),
            )
        ]

    def go(self, unit: int) -> None:
        """Place ``unit`` and all behind it in every way that may be better than the best."""
        if unit == len(self._placed):
            self.best, self.owner = self._value(unit, self._states[-1]), self._placed[:]
            return
        boards = range(len(self._problem.boards))
        tried = [(board, self._step(unit, board)) for board in boards]
        steps = [(*step, board) for board, step in tried if step is not None]
        steps.sort(key=lambda step: (step[0], step[2]))
        for least, state, board in steps:
            self.nodes -= 1
            if self.nodes <= 0 or least >= self.best * _SAME:
                break
            self._placed[unit] = board
            self._states.append(state)
            self.go(unit + 1)
            self._states.pop()
        self._placed[unit] = -1

    def _step(self, unit: int, board: int) -> tuple[float, _State] | None:
        """The least this step can lead to, and the state behind it; ``None``: not allowed."""
        problem, old = self._problem, self._states[-1]
        seconds = problem.seconds_with_client[board][unit]
        memory = old.memory[board] + problem.units[unit].memory_bytes
        working = max(old.working[board], problem.units[unit].working_bytes)
        if seconds == math.inf or memory + working > problem.room[board]:
            return None
        state = old.copy()
        if board not in self._placed[:unit]:
            seconds += problem.boards[board].stage_seconds
        state.memory[board], state.working[board] = memory, working
        self._pay(state, board, seconds)
        self._exchange(state, unit, board)
        self._placed[unit] = board
        if not self._send(unit, board, state):
            return None
        return self._value(unit + 1, state), state

    def _exchange(self, state: _State, unit: int, board: int) -> None:
        """Add what ``unit`` gets from the client and gives it; its device has paid for that."""
        state.requests[board] += self._problem.units[unit].request_bytes
        state.results[board] += self._problem.units[unit].result_bytes
        carries = self._problem.boards[board].client_carries
        most = max(carries(state.requests[board]), carries(state.results[board]))
        state.period = max(state.period, most)
        moved = self._problem.units[unit].request_bytes + self._problem.units[unit].result_bytes
        self._share(state, (CLIENT, board), moved)

    def _share(self, state: _State, ends: Ends, size: int) -> None:
        """Add so many bytes to all media that they cross."""
        for medium, seconds in on_media(self._problem, ends, size) if state.media else ():
            state.media[medium] += seconds
            state.period = max(state.period, state.media[medium])

    def _send(self, unit: int, board: int, state: _State) -> bool:
        """Add what ``unit`` gets from other devices; whether that is possible."""
        problem, placed = self._problem, self._placed
        fresh = False
        for read in problem.reads[unit]:
            source = placed[read]
            if source == board:
                continue
            readers = problem.readers[read]
            if any(r < unit and placed[r] == board for r in readers):
                continue
            ends = source, board
            fresh |= ends not in state.sent
            fresh_bytes = problem.units[read].output_bytes
            size = state.sent.get(ends, 0) + fresh_bytes
            state.sent[ends] = size
            self._pay(state, source, problem.boards[source].send_seconds * fresh_bytes)
            self._pay(state, board, problem.boards[board].receive_seconds * fresh_bytes)
            self._share(state, ends, fresh_bytes)
            seconds = self._seconds(ends, size)
            if seconds == math.inf:
                return False
            state.period = max(state.period, seconds)
        return not fresh or not _is_cyclic(state.sent, board)

    def _pay(self, state: _State, board: int, seconds: float) -> None:
        """A device has so much more to do."""
        state.work[board] += seconds
        state.weight += self._weights[board] * seconds
        state.period = max(state.period, state.work[board])

    def _seconds(self, ends: tuple[int, int], size: int) -> float:
        if self._problem.wire is None:
            return 0.0
        wire = self._problem.wire[ends[0]][ends[1]]
        return math.inf if wire is None else wire.carries(size)

    def _value(self, unit: int, state: _State) -> float:
        """The least that all placements come to which place the units before ``unit`` like this."""
        if self._is_period:
            return max(state.period, (state.weight + self._rest[unit]) * _SAME)
        ends, boards = self._ends(state), self._problem.boards
        told = map(Board.client_carries, boards, state.results)
        least = max(end + seconds for end, seconds in zip(ends, told, strict=True))
        for placed, tail in self._frontier[unit]:
            least = max(least, ends[self._placed[placed]] + tail)
        return least

    def _ends(self, state: _State) -> list[float]:
        """When every device is done with one request."""
        starts: dict[int, list[tuple[int, float]]] = {}
        for ends, size in state.sent.items():
            starts.setdefault(ends[1], []).append((ends[0], self._seconds(ends, size)))
        done: dict[int, float] = {}

        def end(board: int) -> float:
            if board not in done:
                asked = self._problem.boards[board].client_carries(state.requests[board])
                arrivals = (end(source) + seconds for source, seconds in starts.get(board, ()))
                done[board] = max((asked, *arrivals)) + state.work[board]
            return done[board]

        return [end(board) for board in range(len(state.work))]


def _is_cyclic(sent: dict[tuple[int, int], int], board: int) -> bool:
    """Whether what ``board`` sends comes back to it."""
    waiting, seen = [board], set[int]()
    while waiting:
        source = waiting.pop()
        for a, b in sent:
            if a == source and b not in seen:
                if b == board:
                    return True
                seen.add(b)
                waiting.append(b)
    return False


def _sums_from(values: list[float]) -> list[float]:
    """For every place the sum of it and all behind."""
    sums = [0.0] * (len(values) + 1)
    for place in range(len(values) - 1, -1, -1):
        sums[place] = sums[place + 1] + values[place]
    return sums


def _frontiers(problem: Problem) -> list[list[tuple[int, float]]]:
    """For every number of placed units: those with readers behind, and the least that follows.

    What follows a unit adds its work one after the other, be it on the same device or on others.
    """
    least = least_seconds(problem)
    behind = tails(problem, least)
    return [
        [
            (unit, max(least[r] + behind[r] for r in problem.readers[unit] if r >= count))
            for unit in range(count)
            if any(r >= count for r in problem.readers[unit])
        ]
        for count in range(len(problem.units) + 1)
    ]
