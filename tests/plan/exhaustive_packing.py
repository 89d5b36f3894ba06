"""Every way of dealing units to devices and of packing their outputs, tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain, combinations

from edgechain.spec.problem import Objective, Problem
from tests.plan.exhaustive import Devices, Judge, Owner


class PackedJudge(Judge):
    """What placements come to where these units' outputs cross packed."""

    def __init__(self, problem: Problem, packed: Collection[int]):
        super().__init__(problem)
        self._packed = packed

    def work(self, owner: Owner) -> Devices | None:
        """With that of packing for every device that wants it, and of unpacking there."""
        work = super().work(owner)
        if work is None:
            return None
        summed, boards = dict(work), self.problem.boards
        for unit in self._packed:
            size = self.problem.units[unit].output_bytes
            for target in self._targets(unit, owner):
                pack, unpack = boards[owner[unit]].pack_seconds, boards[target].unpack_seconds
                if pack is None or unpack is None:
                    return None
                summed[owner[unit]] += size * pack
                summed[target] += size * unpack
        return summed

    def crossing(self, owner: Owner) -> dict[tuple[int, int], int]:
        """Bytes on every used link, packed or not."""
        found: dict[tuple[int, int], int] = {}
        for place, unit in enumerate(self.problem.units):
            size = unit.packed_bytes if place in self._packed else unit.output_bytes
            for target in self._targets(place, owner):
                ends = owner[place], target
                found[ends] = found.get(ends, 0) + (size or 0)
        return found

    def _targets(self, unit: int, owner: Owner) -> set[int]:
        names, mine = [u.name for u in self.problem.units], self.problem.units[unit].name
        wanting = {owner[names.index(u.name)] for u in self.problem.units if mine in u.inputs}
        return wanting - {owner[unit]}


def best_packed(problem: Problem) -> Mapping[Objective, float]:
    """The least of all placements with all ways to pack; empty if nothing is allowed."""
    able = [at for at, unit in enumerate(problem.units) if unit.packed_bytes is not None]
    every = chain.from_iterable(combinations(able, count) for count in range(len(able) + 1))
    found: dict[Objective, float] = {}
    for packed in every:
        for objective, (value, _) in PackedJudge(problem, packed).best.items():
            found[objective] = min(value, found.get(objective, value))
    return found
