"""The best cut of a model into N stages that each hold a contiguous run of operators.

Exact: the slowest stage is as fast as any such cut allows, and among those cuts the fewest
bytes cross. A chain is as fast as its slowest stage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import CannotCut
from edgechain.plan.cost import all_seconds
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition, contiguous

_SAME = 1.0 + 1e-9
"""Two sums of the same seconds in another order may differ by rounding."""


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
    ends = _best_ends(
        np.concatenate(([0.0], np.cumsum(taken))),
        [*places, len(taken) - 1],
        stages,
        crossing_bytes(graph),
    )
    return contiguous(graph, ends)


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


def _best_ends(
    until: NDArray[np.float64], places: Sequence[int], stages: int, crossing: Sequence[int]
) -> list[int]:
    """Two passes over the same table: the smallest bottleneck, then the fewest bytes under it.

    ``until[i]`` is the seconds of the operators before ``i``; the last place is the model's end.
    """
    stops = until[np.asarray(places) + 1]
    bottleneck = _table(stops, stages, None)[0][-1][-1] * _SAME
    price = np.asarray([crossing[place] for place in places], dtype=np.float64)
    _, chosen = _table(stops, stages, (bottleneck, price))
    ends: list[int] = []
    place = len(places) - 1
    for row in reversed(chosen):
        place = int(row[place])
        ends.append(places[place])
    return ends[::-1]


_Table = tuple[list[NDArray[np.float64]], list[NDArray[np.intp]]]


def _table(
    stops: NDArray[np.float64], stages: int, limit: tuple[float, NDArray[np.float64]] | None
) -> _Table:
    """Best value for the operators up to every place, in 1 to ``stages`` groups.

    And the place before the last group. Without ``limit`` the value is the slowest group, with
    it (the slowest allowed, and the bytes crossing at each place) the bytes that cross.
    """
    bound = np.inf if limit is None else limit[0]
    first = stops if limit is None else np.where(stops <= bound, 0.0, np.inf)
    values, chosen = [first], []
    for _ in range(stages - 1):
        value = np.full(len(stops), np.inf)
        choice = np.zeros(len(stops), dtype=np.intp)
        for place in range(1, len(stops)):
            group = stops[place] - stops[:place]
            before = values[-1][:place]
            if limit is None:
                total = np.maximum(before, group)
            else:
                total = np.where(group <= bound, before + limit[1][:place], np.inf)
            choice[place] = np.argmin(total)
            value[place] = total[choice[place]]
        values.append(value)
        chosen.append(choice)
    return values, chosen


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
