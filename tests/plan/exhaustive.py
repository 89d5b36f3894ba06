"""Every way of dealing units to devices, tried: what a placement comes to, from the contract's
words alone, and which is the best. Shares no line with the planner, and is in no hurry.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from edgechain.spec.problem import Objective, Problem, Wire

Owner = tuple[int, ...]
"""For every unit the place of its device."""

Devices = Mapping[int, float]
"""Seconds of every used device."""

Links = Mapping[tuple[int, int], float]
"""Seconds of every used link, by the devices at its ends."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a placement that is allowed comes to."""

    period: float
    latency: float

    def of(self, objective: Objective) -> float:
        """The seconds that were to be small."""
        return self.period if objective is Objective.THROUGHPUT else self.latency


class Judge:
    """One problem, and every answer to it."""

    def __init__(self, problem: Problem):
        units, boards = problem.units, problem.boards
        names = [unit.name for unit in units]
        self.problem = problem
        self._edges = {(names.index(n), at) for at, unit in enumerate(units) for n in unit.inputs}
        self._work = [[unit.seconds.get(board.name) for board in boards] for unit in units]
        self._wires = _by_ends(problem)

    @cached_property
    def best(self) -> Mapping[Objective, tuple[float, Owner]]:
        """The least that can be had and who then owns what; empty if nothing is allowed."""
        best: dict[Objective, tuple[float, Owner]] = {}
        for owner, cost in self.allowed():
            for objective in Objective:
                value = cost.of(objective)
                if objective not in best or value < best[objective][0]:
                    best[objective] = value, owner
        return best

    def allowed(self) -> Iterator[tuple[Owner, Cost]]:
        """Every placement that may be, with its cost."""
        for owner in self.every_owner():
            cost = self.cost(owner)
            if cost is not None:
                yield owner, cost

    def every_owner(self) -> Iterator[Owner]:
        """Every way to give every unit to one device, allowed or not."""
        boards, units = range(len(self.problem.boards)), len(self.problem.units)
        return itertools.product(boards, repeat=units)

    def cost(self, owner: Owner) -> Cost | None:
        """What it comes to; ``None``: it is not allowed."""
        times = self.times(owner)
        if times is None:
            return None
        latency = longest_way(*times)
        return None if latency is None else Cost(slowest(*times), latency)

    def times(self, owner: Owner) -> tuple[Devices, Links] | None:
        """How long everything is busy with a request; ``None``: not allowed, circles aside."""
        work = self.work(owner)
        if work is None or not self.fits(owner):
            return None
        crossing = self.crossing(owner)
        if self._wires is not None and any(ends not in self._wires for ends in crossing):
            return None
        links = {ends: self._carries(ends, size) for ends, size in crossing.items()}
        return {board: self._busy(board, work[board], crossing) for board in work}, links

    def work(self, owner: Owner) -> Devices | None:
        """By device that has any: its summed work; ``None``: one cannot run what it has."""
        summed: dict[int, float] = {}
        for unit, board in enumerate(owner):
            seconds = self._work[unit][board]
            if seconds is None:
                return None
            summed[board] = summed.get(board, 0.0) + seconds
        return summed

    def fits(self, owner: Owner) -> bool:
        """Whether every device has memory for what it holds."""
        for place, board in enumerate(self.problem.boards):
            mine = (u for u, b in zip(self.problem.units, owner, strict=True) if b == place)
            needed = sum(unit.memory_bytes for unit in mine)
            if board.memory_bytes is not None and needed > board.memory_bytes:
                return False
        return True

    def crossing(self, owner: Owner) -> Mapping[tuple[int, int], int]:
        """Bytes on every used link: a tensor crosses once to each device that wants it."""
        tensors: dict[tuple[int, int], set[int]] = {}
        for unit, reader in self._edges:
            ends = owner[unit], owner[reader]
            if ends[0] != ends[1]:
                tensors.setdefault(ends, set()).add(unit)
        sizes = [unit.output_bytes for unit in self.problem.units]
        return {ends: sum(sizes[unit] for unit in units) for ends, units in tensors.items()}

    def _carries(self, ends: tuple[int, int], size: int) -> float:
        if self._wires is None:
            return 0.0
        return self._wires[ends].seconds + size / self._wires[ends].bytes_per_second

    def _busy(self, place: int, work: float, crossing: Mapping[tuple[int, int], int]) -> float:
        """A device's work, what its stage costs it, and all the bytes that it moves."""
        board = self.problem.boards[place]
        if not (board.stage_seconds or board.send_seconds or board.receive_seconds):
            return work
        sent = sum(size for (source, _), size in crossing.items() if source == place)
        received = sum(size for (_, target), size in crossing.items() if target == place)
        moved = sent * board.send_seconds + received * board.receive_seconds
        return work + board.stage_seconds + moved


def slowest(busy: Devices, links: Links) -> float:
    """The period: of whatever takes longest, device or link."""
    return max(*busy.values(), *links.values(), 0.0)


def longest_way(busy: Devices, links: Links) -> float | None:
    """The latency, every group starting when it has all; ``None``: they wait in a circle."""
    done: dict[int, float] = {}
    while len(done) < len(busy):
        ready = [
            board
            for board in busy
            if board not in done and all(a in done for a, b in links if b == board)
        ]
        if not ready:
            return None
        for board in ready:
            arrivals = [done[a] + seconds for (a, b), seconds in links.items() if b == board]
            done[board] = max(arrivals, default=0.0) + busy[board]
    return max(done.values())


def _by_ends(problem: Problem) -> Mapping[tuple[int, int], Wire] | None:
    names = [board.name for board in problem.boards]
    if problem.wires is None:
        return None
    return {(names.index(w.source), names.index(w.target)): w for w in problem.wires}
