"""Which tensors of a model get smaller when they are packed, and by how much.

Devices measured them on the boundary tensors of their profiles' cuts. Where several measured one,
the largest share counts; one that nobody measured has the largest known share of its dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from edgechain.plan.units import ModelProblem
from edgechain.spec.graph import OpGraph
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Unit
from edgechain.spec.profile import Packing


def packed_shares(graph: OpGraph, measured: Iterable[Packing]) -> dict[int, float]:
    """By tensor: bytes that cross packed per byte, of those that may cross packed and get smaller.

    The client gets its tensors as they are.
    """
    known: dict[str, float] = {}
    for packing in measured:
        for name, share in packing.shares.items():
            known[name] = max(share, known.get(name, 0.0))
    usual: dict[str, float] = {}
    for tensor in graph.tensors.values():
        if tensor.name in known:
            usual[tensor.dtype] = max(known[tensor.name], usual.get(tensor.dtype, 0.0))
    found = {
        tensor: known.get(graph.tensors[tensor].name, usual.get(graph.tensors[tensor].dtype, 1.0))
        for tensor in graph.producer
        if tensor not in graph.outputs
    }
    return {tensor: share for tensor, share in found.items() if share < 1}


def with_packed_bytes(made: ModelProblem, shares: Mapping[int, float]) -> ModelProblem:
    """The problem in which units have outputs that get smaller."""

    def smaller(unit: Unit) -> Unit:
        tensors = [
            (made.graph.tensors[tensor], tensor) for tensor in made.read_elsewhere(unit.name)
        ]
        size = sum(math.ceil(one.nbytes * shares.get(tensor, 1.0)) for one, tensor in tensors)
        return replace(unit, packed_bytes=size) if size < unit.output_bytes else unit

    problem = replace(made.problem, units=tuple(map(smaller, made.problem.units)))
    return replace(made, problem=problem)


def crossing_packed(
    made: ModelProblem, found: Placement, shares: Mapping[int, float]
) -> tuple[str, ...]:
    """Names of the tensors that cross packed in a placement, in order of birth."""
    board = {
        op: share.board
        for share in found.shares
        for unit in share.units
        for op in made.operators[made.problem.units[unit].name]
    }
    graph = made.graph

    def crossing() -> Iterator[int]:
        for unit in found.packed:
            for tensor in made.read_elsewhere(made.problem.units[unit].name):
                readers = {board[op] for op in graph.consumers.get(tensor, ())}
                if tensor in shares and readers - {board[graph.producer[tensor]]}:
                    yield tensor

    born = list(graph.producer)
    return tuple(graph.tensors[tensor].name for tensor in sorted(crossing(), key=born.index))


def packed_units(made: ModelProblem, names: Iterable[str]) -> tuple[int, ...]:
    """The units that make any of these tensors, by their places, ascending."""
    wanted = frozenset(names)
    return tuple(
        place
        for place, unit in enumerate(made.problem.units)
        if any(made.graph.tensors[t].name in wanted for t in made.read_elsewhere(unit.name))
    )
