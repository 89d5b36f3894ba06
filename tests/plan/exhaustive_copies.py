"""Every way of dealing units to stages and devices to stages, tried: what each comes to, from the
contract's words alone. Shares no line with the planner, and is in no hurry.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from edgechain.spec.problem import Problem
from tests.plan.exhaustive import CLIENT, Cost

Stages = tuple[int, ...]
"""For every unit the number of its stage; the first unit's is 0, and none is left out."""

Teams = tuple[tuple[int, ...], ...]
"""For every stage the places of its devices."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Stages in an order in which each reads from those before it, and bytes between them."""

    order: Sequence[int]
    moved: Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Together:
    """Stages with their devices: every device's time, every message's, and the period."""

    flow: Flow
    busy: Sequence[Sequence[float]]
    arrive: Mapping[tuple[int, int], float]
    period: float


class CopiesJudge:
    """One problem, and every answer to it in which a stage may be on several devices."""

    def __init__(self, problem: Problem):
        self.problem = problem
        names = [unit.name for unit in problem.units]
        self._edges = {
            (names.index(n), at) for at, unit in enumerate(problem.units) for n in unit.inputs
        }
        self._known: dict[Stages, Flow | None] = {}

    @cached_property
    def best(self) -> float | None:
        """The smallest period that can be had; ``None``: nothing is allowed."""
        every = (self._together(stages, teams) for stages, teams in self.every())
        return min((one.period for one in every if one is not None), default=None)

    def every(self) -> Iterator[tuple[Stages, Teams]]:
        """Every answer, allowed or not."""
        for stages in _partitions(len(self.problem.units)):
            count = max(stages) + 1
            for dealt in itertools.product(range(-1, count), repeat=len(self.problem.boards)):
                if set(range(count)) <= set(dealt):
                    yield stages, tuple(_those(dealt, stage) for stage in range(count))

    def cost(self, stages: Stages, teams: Teams) -> Cost | None:
        """What it comes to; ``None``: it is not allowed."""
        found = self._together(stages, teams)
        return None if found is None else Cost(found.period, self._worst(teams, found))

    def _together(self, stages: Stages, teams: Teams) -> Together | None:
        """What all of it takes, and the period; ``None``: it is not allowed."""
        flow = self._flow(stages)
        if flow is None or not self._fits(stages, teams):
            return None
        busy = [self._busy(stages, stage, team, flow) for stage, team in enumerate(teams)]
        shares = [_shares(one) for one in busy]
        moved = self._moved(teams, shares, flow)
        if moved is None:
            return None
        arrive, period = moved
        for one, taken in zip(busy, shares, strict=True):
            period = max(period, *(t * f for t, f in zip(one, taken, strict=True)))
        return Together(flow, busy, arrive, period)

    def _flow(self, stages: Stages) -> Flow | None:
        """What goes from stage to stage, whoever runs them; ``None``: they wait in a circle."""
        if stages not in self._known:
            order = self._order(stages)
            flow = None if order is None else Flow(order, self._everything(stages))
            self._known[stages] = flow
        return self._known[stages]

    def _moved(
        self, teams: Teams, shares: Sequence[Sequence[float]], flow: Flow
    ) -> tuple[dict[tuple[int, int], float], float] | None:
        """Seconds of every message, by its ends, and the period of all that carries them."""
        arrive: dict[tuple[int, int], float] = {}
        period, media = 0.0, dict[str, float]()
        for (source, target), size in flow.moved.items():
            for (at, a), (to, b) in itertools.product(
                enumerate(_members(teams, source)), enumerate(_members(teams, target))
            ):
                way = self._way(a, b, size)
                if way is None:
                    return None
                arrive[a, b] = sum(way)
                part = _part(shares, source, at) * _part(shares, target, to)
                period = max(period, part * sum(way))
                for medium in {self._medium(a), self._medium(b)} - {None}:
                    media[str(medium)] = media.get(str(medium), 0.0) + part * way[1]
        return arrive, max(period, *media.values(), 0.0)

    def crossing(self, stages: Stages) -> dict[tuple[int, int], int]:
        """Bytes from stage to stage: a tensor once, whoever wants it there."""
        tensors = {(stages[u], stages[r], u) for u, r in self._edges if stages[u] != stages[r]}
        found: dict[tuple[int, int], int] = {}
        for source, target, unit in tensors:
            size = self.problem.units[unit].output_bytes
            found[source, target] = found.get((source, target), 0) + size
        return found

    def _everything(self, stages: Stages) -> dict[tuple[int, int], int]:
        """Bytes from stage to stage, from the client and to it."""
        found = self.crossing(stages)
        for unit, stage in zip(self.problem.units, stages, strict=True):
            for ends, size in (
                ((CLIENT, stage), unit.request_bytes),
                ((stage, CLIENT), unit.result_bytes),
            ):
                if size:
                    found[ends] = found.get(ends, 0) + size
        return found

    def _medium(self, place: int) -> str | None:
        return None if place == CLIENT else self.problem.boards[place].medium

    def _order(self, stages: Stages) -> list[int] | None:
        """An order of the stages in which each reads from those before it."""
        crossing = self.crossing(stages)
        for order in itertools.permutations(range(max(stages) + 1)):
            if all(order.index(a) < order.index(b) for a, b in crossing):
                return list(order)
        return None

    def _fits(self, stages: Stages, teams: Teams) -> bool:
        """Whether every device can run its stage, and has the memory."""
        boards = self.problem.boards
        for stage, team in enumerate(teams):
            units = [u for u, s in zip(self.problem.units, stages, strict=True) if s == stage]
            need = sum(unit.memory_bytes for unit in units)
            need += max(unit.working_bytes for unit in units)
            for board in (boards[place] for place in team):
                if any(board.name not in unit.seconds for unit in units):
                    return False
                if board.memory_bytes is not None and need > board.memory_bytes:
                    return False
        return True

    def _busy(self, stages: Stages, stage: int, team: Sequence[int], flow: Flow) -> list[float]:
        """Every device's time for one request that it takes."""
        crossing = flow.moved.items()
        sent = sum(size for (source, _), size in crossing if source == stage)
        received = sum(size for (_, target), size in crossing if target == stage)
        times = []
        for board in (self.problem.boards[place] for place in team):
            mine = (u for u, s in zip(self.problem.units, stages, strict=True) if s == stage)
            time = sum(unit.seconds[board.name] for unit in mine) + board.stage_seconds
            times.append(time + sent * board.send_seconds + received * board.receive_seconds)
        return times

    def _way(self, source: int, target: int, size: int) -> tuple[float, float] | None:
        """What a message costs, and what its bytes cost; ``None``: there is no link."""
        if CLIENT in (source, target):
            board = self.problem.boards[max(source, target)]
            return board.client_seconds, size / board.client_bytes_per_second
        if self.problem.wires is None:
            return 0.0, 0.0
        ends = self.problem.boards[source].name, self.problem.boards[target].name
        for wire in self.problem.wires:
            if (wire.source, wire.target) == ends:
                return wire.seconds, size / wire.bytes_per_second
        return None

    def _worst(self, teams: Teams, found: Together) -> float:
        """The latency of the worst of all routes, each tried."""
        moved, arrive = found.flow.moved, found.arrive
        worst = 0.0
        for route in itertools.product(*(range(len(team)) for team in teams)):
            board = {CLIENT: CLIENT} | {s: teams[s][at] for s, at in enumerate(route)}
            done = {CLIENT: 0.0}
            for stage in found.flow.order:
                ways = [done[a] + arrive[board[a], board[stage]] for a, b in moved if b == stage]
                done[stage] = max(ways, default=0.0) + found.busy[stage][route[stage]]
            told = [done[a] + arrive[board[a], CLIENT] for a, b in moved if b == CLIENT]
            worst = max(worst, *done.values(), *told)
        return worst


def _members(teams: Teams, stage: int) -> tuple[int, ...]:
    return (CLIENT,) if stage == CLIENT else teams[stage]


def _part(shares: Sequence[Sequence[float]], stage: int, at: int) -> float:
    """Of all requests; the client has them all."""
    return 1.0 if stage == CLIENT else shares[stage][at]


def _shares(times: Sequence[float]) -> list[float]:
    """Of the requests: in proportion to 1/time; those that need no time take all."""
    if min(times) == 0:
        return [float(time == 0) / times.count(0) for time in times]
    return [1 / time / sum(1 / other for other in times) for time in times]


def _those(dealt: Sequence[int], stage: int) -> tuple[int, ...]:
    return tuple(place for place, one in enumerate(dealt) if one == stage)


def _partitions(count: int) -> Iterator[Stages]:
    """Every way to put so many units into stages."""
    if not count:
        yield ()
        return
    for before in _partitions(count - 1):
        for stage in range(max(before, default=-1) + 2):
            yield (*before, stage)
