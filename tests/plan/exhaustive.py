"""Every way of dealing units to devices, tried: what a placement comes to, from the contract's
words alone, and which is the best. Shares no line with the planner, and is in no hurry.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from edgechain.spec.problem import Objective, Problem, Wire

Owner = tuple[int, ...]
"""For every unit the place of its device."""

Devices = Mapping[int, float]
"""Seconds of every used device."""

CLIENT = -1
"""In the place of a device: who hands a frame in, and waits for what comes of it."""

Links = Mapping[tuple[int, int], float]
"""Seconds of every used link, by the devices at its ends, one of which may be the client."""

Moved = Mapping[tuple[int, int], int]
"""Bytes on every used link, by the same."""


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
        self._sizes = [unit.output_bytes for unit in units]
        self._asked = [unit.request_bytes for unit in units]
        self._told = [unit.result_bytes for unit in units]
        self._limits = {
            p: b.memory_bytes for p, b in enumerate(boards) if b.memory_bytes is not None
        }
        self._shares_media = any(board.medium is not None for board in boards)
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
        found = self._times(owner)
        if found is None:
            return None
        busy, links, moved = found
        latency = longest_way(busy, links)
        if latency is None:
            return None
        return Cost(max(slowest(busy, links), *self._media(moved).values(), 0.0), latency)

    def _media(self, moved: Moved) -> Mapping[str, float]:
        """How long each shared medium is busy with all that comes to or leaves who is on it."""
        busy: dict[str, float] = {}
        boards = self.problem.boards
        for ends, size in moved.items() if self._shares_media else ():
            rate = boards[max(ends)].client_bytes_per_second
            if CLIENT not in ends:
                rate = math.inf if self._wires is None else self._wires[ends].bytes_per_second
            for medium in {boards[place].medium for place in ends if place != CLIENT} - {None}:
                busy[str(medium)] = busy.get(str(medium), 0.0) + size / rate
        return busy

    def times(self, owner: Owner) -> tuple[Devices, Links] | None:
        """How long everything is busy with a request; ``None``: not allowed, circles aside."""
        found = self._times(owner)
        return None if found is None else found[:2]

    def _times(self, owner: Owner) -> tuple[Devices, Links, Moved] | None:
        """The same, and the bytes."""
        work = self.work(owner)
        if work is None or not self.fits(owner):
            return None
        moved = self.crossing(owner) | self._with_client(owner)
        links = dict[tuple[int, int], float]()
        for ends, size in moved.items():
            seconds = self._carries(ends, size)
            if seconds is None:
                return None
            links[ends] = seconds
        return {board: self._busy(board, work[board], moved) for board in work}, links, moved

    def _with_client(self, owner: Owner) -> dict[tuple[int, int], int]:
        """Bytes that every device has from the client at once, and tells it at once."""
        moved: dict[tuple[int, int], int] = {}
        for place, asked, told in zip(owner, self._asked, self._told, strict=True):
            if asked:
                moved[CLIENT, place] = moved.get((CLIENT, place), 0) + asked
            if told:
                moved[place, CLIENT] = moved.get((place, CLIENT), 0) + told
        return moved

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
        for place, limit in self._limits.items():
            mine = [u for u, b in zip(self.problem.units, owner, strict=True) if b == place]
            needed = sum(unit.memory_bytes for unit in mine)
            needed += max([unit.working_bytes for unit in mine], default=0)
            if needed > limit:
                return False
        return True

    def crossing(self, owner: Owner) -> dict[tuple[int, int], int]:
        """Bytes from device to device: a tensor crosses once to each device that wants it."""
        tensors = {(owner[u], owner[r], u) for u, r in self._edges if owner[u] != owner[r]}
        sizes: dict[tuple[int, int], int] = {}
        for source, target, unit in tensors:
            sizes[source, target] = sizes.get((source, target), 0) + self._sizes[unit]
        return sizes

    def _carries(self, ends: tuple[int, int], size: int) -> float | None:
        """Seconds on a link; ``None``: there is none."""
        if CLIENT in ends:
            board = self.problem.boards[max(ends)]
            return board.client_seconds + size / board.client_bytes_per_second
        if self._wires is None:
            return 0.0
        wire = self._wires.get(ends)
        return None if wire is None else wire.seconds + size / wire.bytes_per_second

    def _busy(self, place: int, work: float, moved: Moved) -> float:
        """A device's work, what its stage costs it, and all the bytes that it moves."""
        board = self.problem.boards[place]
        if not (board.stage_seconds or board.send_seconds or board.receive_seconds):
            return work
        sent = sum(size for (source, _), size in moved.items() if source == place)
        received = sum(size for (_, target), size in moved.items() if target == place)
        bytes_cost = sent * board.send_seconds + received * board.receive_seconds
        return work + board.stage_seconds + bytes_cost


def slowest(busy: Devices, links: Links) -> float:
    """The period: of whatever takes longest, device or link."""
    return max(*busy.values(), *links.values(), 0.0)


def longest_way(busy: Devices, links: Links) -> float | None:
    """The latency, every group starting when it has all; ``None``: they wait in a circle."""
    done = {CLIENT: 0.0}
    while len(done) <= len(busy):
        ready = [
            board
            for board in busy
            if board not in done and all(a in done for (a, b) in links if b == board)
        ]
        if not ready:
            return None
        for board in ready:
            arrivals = [done[a] + seconds for (a, b), seconds in links.items() if b == board]
            done[board] = max(arrivals, default=0.0) + busy[board]
    told = [done[a] + seconds for (a, b), seconds in links.items() if b == CLIENT]
    return max(*done.values(), *told)


def _by_ends(problem: Problem) -> Mapping[tuple[int, int], Wire] | None:
    names = [board.name for board in problem.boards]
    if problem.wires is None:
        return None
    return {(names.index(w.source), names.index(w.target)): w for w in problem.wires}
