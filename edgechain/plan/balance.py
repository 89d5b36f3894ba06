"""The best cut of a model into N stages that each hold a contiguous run of operators.

Exact: the slowest stage is as fast as any such cut allows, and among those cuts the fewest
bytes cross. A chain is as fast as its slowest stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import CannotCut
from edgechain.plan.cost import all_seconds
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition, contiguous
from edgechain.spec.plan import SAME


def balance(graph: OpGraph, stages: int, seconds: Sequence[float] | None = None) -> Partition:
    """Cut ``graph`` into ``stages`` contiguous groups.

    ``seconds`` is what each operator takes, measured or estimated (the default). Raises
    ``CannotCut`` when there are not that many places where the model can be cut, naming what
    holds it together, and ``ValueError`` for fewer than one stage.
    """
    if stages < 1:
        raise ValueError("a chain has at least one stage")
    places = cut_places(graph)
    if stages > len(places) + 1:
        raise CannotCut(_what_binds(graph), _too_many(stages, len(places) + 1))
    taken = np.asarray(all_seconds(graph) if seconds is None else seconds, dtype=np.float64)
    line = _Line.of(graph, places, taken)
    bottleneck = line.table(stages).values[-1][-1]
    if not np.isfinite(bottleneck):
        raise CannotCut(_what_binds(graph), f"no cut into {stages} leaves every stage an input")
    return contiguous(graph, line.table(stages, bottleneck * SAME).ends(places))


def cut_places(graph: OpGraph) -> tuple[int, ...]:
    """Operators after which the model can be cut, in order.

    Not inside shared state, not across a tensor that cannot leave its submodel, and only where
    there is something to compute on both sides since the place before.
    """
    count = len(graph.operators)
    barred = np.zeros(count, dtype=np.bool_)
    for members, _ in graph.bound:
        barred[min(members) : max(members)] = True
    for tensor, op in graph.producer.items():
        users = graph.consumers.get(tensor, ())
        if graph.tensors[tensor].crosses and users:
            barred[op : max(users)] = True
    working = _working(graph)
    places: list[int] = []
    since = False
    for op in range(count - 1):
        since |= working[op]
        if since and not barred[op]:
            places.append(op)
            since = False
    while places and not any(working[places[-1] + 1 :]):
        places.pop()
    return tuple(places)


def crossing_bytes(graph: OpGraph) -> tuple[int, ...]:
    """Bytes that cross a cut right after each operator; a tensor counts at every cut it spans."""
    change = np.zeros(len(graph.operators) + 1, dtype=np.int64)
    for tensor, op in graph.producer.items():
        last = max(graph.consumers.get(tensor, ()), default=op)
        change[op] += graph.tensors[tensor].nbytes
        change[last] -= graph.tensors[tensor].nbytes
    return tuple(int(total) for total in np.cumsum(change)[:-1])


def _working(graph: OpGraph) -> list[bool]:
    """Whether an operator computes something that reaches an output of the model."""
    wanted = set(graph.outputs)
    working = [False] * len(graph.operators)
    for op in reversed(graph.operators):
        if not wanted.isdisjoint(op.outputs):
            working[op.index] = True
            wanted.update(op.inputs)
    return working


@dataclass(frozen=True)
class _Line:
    """The model as a line from its start over the places where it can be cut to its end.

    For every one of these: ``until``, the seconds of all operators before it; ``price``, the
    bytes that cross there; ``stop``, the last operator before it; ``reader``, the first operator
    behind it that reads something from before it, without which a group would have no input.
    """

    until: NDArray[np.float64]
    price: NDArray[np.float64]
    stop: NDArray[np.intp]
    reader: NDArray[np.intp]

    @classmethod
    def of(cls, graph: OpGraph, places: Sequence[int], seconds: NDArray[np.float64]) -> _Line:
        stop = np.asarray([-1, *places, len(seconds) - 1], dtype=np.intp)
        crossing = np.asarray([0, *crossing_bytes(graph)], dtype=np.float64)
        return cls(
            until=np.concatenate(([0.0], np.cumsum(seconds)))[stop + 1],
            price=crossing[stop + 1],
            stop=stop,
            reader=_first_readers(graph)[stop + 1],
        )

    def table(self, stages: int, slowest: float | None = None) -> _Table:
        """Best value for all up to every place, in 1 to ``stages`` groups.

        The value is the slowest group's seconds, or, where a bound for those is given, the
        bytes that cross between groups.
        """
        start = np.full(len(self.stop), np.inf)
        start[0] = 0.0
        values, chosen = [start], []
        for _ in range(stages):
            value = np.full(len(self.stop), np.inf)
            choice = np.zeros(len(self.stop), dtype=np.intp)
            for place in range(1, len(self.stop)):
                total = self._totals(values[-1], place, slowest)
                choice[place] = np.argmin(total)
                value[place] = total[choice[place]]
            values.append(value)
            chosen.append(choice)
        return _Table(values, chosen)

    def _totals(
        self, before: NDArray[np.float64], place: int, slowest: float | None
    ) -> NDArray[np.float64]:
        """The value up to ``place`` for every place at which its last group may begin."""
        group = self.until[place] - self.until[:place]
        fed = self.reader[:place] <= self.stop[place]
        if slowest is None:
            return np.where(fed, np.maximum(before[:place], group), np.inf)
        return np.where(fed & (group <= slowest), before[:place] + self.price[:place], np.inf)


@dataclass(frozen=True)
class _Table:
    values: list[NDArray[np.float64]]
    chosen: list[NDArray[np.intp]]

    def ends(self, places: Sequence[int]) -> list[int]:
        """The last operator of every group but the last one."""
        place, ends = len(places) + 1, []
        for row in reversed(self.chosen[1:]):
            place = int(row[place])
            ends.append(places[place - 1])
        return ends[::-1]


def _first_readers(graph: OpGraph) -> NDArray[np.intp]:
    """For the cut before every operator, the first one behind it that reads across it."""
    count = len(graph.operators)
    first = np.full(count + 1, count, dtype=np.intp)
    for op in reversed(graph.operators):
        if op.inputs:
            born = min(graph.producer.get(tensor, -1) for tensor in op.inputs)
            first[born + 1 : op.index + 1] = op.index
    return first


def _too_many(stages: int, most: int) -> str:
    parts = "1 part" if most == 1 else f"{most} parts"
    return f"the model can be cut into {parts} at most, not {stages}; ask for fewer stages"


def _what_binds(graph: OpGraph) -> str:
    if graph.bound:
        return str(graph.operators[min(graph.bound[0][0])])
    for tensor, op in graph.producer.items():
        if graph.tensors[tensor].crosses and graph.consumers.get(tensor):
            return str(graph.operators[op])
    return str(graph.operators[0])
