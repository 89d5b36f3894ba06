"""A period that no placement of a graph is below, with what the devices pay for bytes.

Devices that hold one group of units each do not wait for each other in a circle. So they can be
put in an order in which each reads only from those before it, and all units of the first few of
them are a down-set: with a unit all that it reads. A placement is therefore a way from nothing to
everything, from down-set to larger down-set, with another device for every step. A step's device
works on what is new, pays for a stage, receives what is new to it once and sends what others want
at least once. Of all ways the one whose dearest step is cheapest is a bound: links count as free,
and what several devices want as sent once.

Where a net is all but a row, as most are, it has few down-sets; of one that has many nothing is
said. Dynamic programming over the down-sets (ideals) of a graph is in Tarnawski et al., "Efficient
algorithms for device placement of DNN graph operators", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.problem import Problem

MOST_DOWNSETS = 1200
"""Of which there are 1.4 million pairs, and a number for each."""

MOST_CHOICES = 1 << 12
"""Of devices that have had their step: twelve that are all unlike."""

MOST_STEPS = 3e8
"""Comparisons of pairs for all sets of devices: about a second."""

_ROUNDING = 1 - 1e-12

Pairs = NDArray[np.float64]
"""By the down-set before a step and the one after it."""


def bound_of_downsets(problem: Problem) -> float:
    """Seconds below which no period is; 0 where there are too many down-sets, or devices."""
    kinds = _kinds(problem)
    if math.prod(len(kind) + 1 for kind in kinds) > MOST_CHOICES:
        return 0.0
    steps = _steps([len(kind) for kind in kinds])
    found = _downsets(problem, _most(len(steps)))
    if found is None:
        return 0.0
    taken = [_Costs(problem, found).of(kind[0]) for kind in kinds]
    return _cheapest_way(taken, steps, len(found)) * _ROUNDING


def _most(steps: int) -> int:
    return int(min(MOST_DOWNSETS, math.sqrt(MOST_STEPS / steps)))


def _kinds(problem: Problem) -> list[list[int]]:
    """Devices that are alike, together."""
    kinds: dict[object, list[int]] = {}
    for board in range(len(problem.boards)):
        kinds.setdefault(problem.kind(board), []).append(board)
    return list(kinds.values())


@dataclass(frozen=True, slots=True)
class _Step:
    """One more device of a kind: how many of each kind were used before, and after."""

    kind: int
    before: tuple[int, ...]
    after: tuple[int, ...]


def _steps(counts: Sequence[int]) -> list[_Step]:
    """In an order in which all that leads to a step comes before it."""
    states = sorted(np.ndindex(*(count + 1 for count in counts)), key=sum)
    return [
        _Step(kind, state, (*state[:kind], state[kind] + 1, *state[kind + 1 :]))
        for state in states
        for kind, count in enumerate(counts)
        if state[kind] < count
    ]


def _downsets(problem: Problem, most: int) -> NDArray[np.bool_] | None:
    """All of them by their units, the small ones first; ``None`` where there are more."""
    found = {0: None}
    reads = [sum(1 << read for read in reads) for reads in problem.reads]
    waiting = [0]
    for downset in waiting:
        for unit, needed in enumerate(reads):
            larger = downset | 1 << unit
            if larger not in found and needed & downset == needed:
                found[larger] = None
                waiting.append(larger)
        if len(waiting) > most:
            return None
    return np.array([[one >> unit & 1 for unit in range(len(reads))] for one in waiting], bool)


class _Costs:
    """What a step from one down-set to another takes at least, on a device."""

    def __init__(self, problem: Problem, downsets: NDArray[np.bool_]):
        self._problem = problem
        self._in = downsets.astype(np.float64)
        units = problem.units
        self._is_larger = self._contained(downsets)
        sizes = np.array([unit.output_bytes for unit in units], float)
        asked = self._new([unit.request_bytes for unit in units])
        told = self._new([unit.result_bytes for unit in units])
        self._received = asked + self._read(downsets, sizes)
        self._sent = told + self._wanted(downsets, sizes)
        self._kept = self._new([unit.memory_bytes for unit in units])

    def of(self, board: int) -> Pairs:
        """Seconds of every step; infinite where there is none for this device."""
        device, seconds = self._problem.boards[board], np.array(self._problem.seconds[board])
        able = np.isfinite(seconds)
        taken = self._new(np.where(able, seconds, 0.0))
        taken += device.stage_seconds + device.receive_seconds * self._received
        taken += device.send_seconds * self._sent
        possible = self._is_larger & (self._new(np.where(able, 0.0, 1.0)) < 0.5)
        possible &= self._kept <= self._problem.room[board]
        return np.where(possible, taken, math.inf)

    def _new(self, amounts: Sequence[float] | NDArray[np.float64]) -> Pairs:
        """The sum of what is in the larger one and not in the smaller."""
        total: Pairs = self._in @ np.asarray(amounts, float)
        return total[None, :] - total[:, None]

    def _contained(self, downsets: NDArray[np.bool_]) -> NDArray[np.bool_]:
        size = downsets.sum(axis=1)
        shared: NDArray[np.float64] = self._in @ self._in.T
        larger: NDArray[np.bool_] = size[None, :] > size[:, None]
        larger &= shared == size[:, None]
        return larger

    def _read(self, downsets: NDArray[np.bool_], sizes: NDArray[np.float64]) -> Pairs:
        """Bytes made before that the new units read: it has more of their readers than before."""
        read = np.zeros(self._is_larger.shape)
        for unit, readers in enumerate(self._problem.readers):
            if readers and sizes[unit]:
                has = downsets[:, list(readers)].sum(axis=1)
                made = downsets[:, unit]
                read += sizes[unit] * (made[:, None] & (has[None, :] > has[:, None]))
        return read

    def _wanted(self, downsets: NDArray[np.bool_], sizes: NDArray[np.float64]) -> Pairs:
        """Bytes of new units that are read outside of the larger one."""
        outside = np.zeros(downsets.shape)
        for unit, readers in enumerate(self._problem.readers):
            if readers:
                outside[:, unit] = sizes[unit] * ~downsets[:, list(readers)].all(axis=1)
        outside *= downsets
        wanted: Pairs = outside.sum(axis=1)[None, :] - self._in @ outside.T
        return wanted


def _cheapest_way(taken: Sequence[Pairs], steps: Sequence[_Step], downsets: int) -> float:
    """The dearest step of the way from the first to the last down-set on which it is cheapest."""
    nothing = tuple(0 for _ in taken)
    best = {nothing: np.full(downsets, math.inf)}
    best[nothing][0] = 0.0
    for step in steps:
        reached = np.maximum(best[step.before][:, None], taken[step.kind]).min(axis=0)
        known = best.get(step.after)
        best[step.after] = reached if known is None else np.minimum(known, reached)
    return float(min(way[-1] for way in best.values()))
