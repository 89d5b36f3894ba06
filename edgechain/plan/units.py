"""A model's operators as units of work that may stand on different devices, and back again.

Operators that share state, that hand over a tensor which cannot leave a submodel, or that could
not be a stage of their own (nothing to read, nothing that anyone wants) are one unit. So is what
lies on a way from a unit back into it.
"""

from __future__ import annotations

import graphlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Problem, Unit, Wire


@dataclass(frozen=True)
class ModelProblem:
    """A placement problem, and the operators behind its units, by unit name."""

    graph: OpGraph
    problem: Problem
    operators: Mapping[str, tuple[int, ...]]

    def partition(self, found: Placement) -> Partition:
        """The groups of operators of a placement, in the order of its shares."""
        groups = (
            tuple(sorted(op for unit in share.units for op in self.operators[self._name(unit)]))
            for share in found.shares
        )
        return Partition(self.graph, tuple(groups))

    def _name(self, unit: int) -> str:
        return self.problem.units[unit].name


def model_problem(
    graph: OpGraph,
    seconds: Mapping[str, Sequence[float]],
    boards: Sequence[Board],
    wires: Sequence[Wire] | None,
) -> ModelProblem:
    """The placement of ``graph``, where ``seconds`` is every operator's work by device name.

    An infinite work says that the device cannot run the operator. A unit is called by its last
    operator's output. Memory is that of constants, and of what the unit's operators hand over.
    """
    atoms = indivisible(graph)
    owner = {op: number for number, atom in enumerate(atoms) for op in atom}
    names = _names(graph, atoms)
    units = tuple(
        Unit(
            names[number],
            tuple(names[other] for other in sorted(_read_by(graph, atom, owner) - {number})),
            _work(atom, seconds),
            _memory(graph, atom),
            _output_bytes(graph, atom, owner),
        )
        for number, atom in enumerate(atoms)
    )
    problem = Problem(
        units, tuple(boards), None if wires is None else tuple(wires), name=graph.name
    )
    return ModelProblem(graph, problem, dict(zip(names, atoms, strict=True)))


def indivisible(graph: OpGraph) -> tuple[tuple[int, ...], ...]:
    """Operators that have to stay together, by their first ones."""
    sets = _Sets(len(graph.operators))
    for members, _ in graph.bound:
        sets.join(members)
    for tensor, op in graph.producer.items():
        if graph.tensors[tensor].crosses:
            sets.join((op, *graph.consumers.get(tensor, ())))
    _join_the_useless(graph, sets)
    while circle := _circle(graph, sets):
        sets.join(circle)
    return sets.groups()


def _join_the_useless(graph: OpGraph, sets: _Sets) -> None:
    """Put what reads nothing to its readers, and what nobody wants to what it reads."""
    wanted = set(graph.outputs)
    for op in reversed(graph.operators):
        if wanted.isdisjoint(op.outputs):
            sets.join((op.index, *(graph.predecessors(op.index)[:1] or (0,))))
        else:
            wanted.update(op.inputs)
    for op in reversed(graph.operators):
        readers = [user for tensor in op.outputs for user in graph.consumers.get(tensor, ())]
        if not op.inputs and readers:
            sets.join((op.index, *readers))


def _circle(graph: OpGraph, sets: _Sets) -> list[int]:
    """Operators of groups that read each other in a circle, or none."""
    sorter: graphlib.TopologicalSorter[int] = graphlib.TopologicalSorter()
    for op in graph.operators:
        group = sets.of(op.index)
        others = {sets.of(before) for before in graph.predecessors(op.index)} - {group}
        sorter.add(group, *others)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


class _Sets:
    """Disjoint sets of operators (union-find)."""

    def __init__(self, count: int):
        self._parent = list(range(count))

    def of(self, op: int) -> int:
        while self._parent[op] != op:
            self._parent[op] = self._parent[self._parent[op]]
            op = self._parent[op]
        return op

    def join(self, operators: Iterable[int]) -> None:
        first, *others = (self.of(op) for op in operators)
        for other in others:
            a, b = sorted((self.of(first), self.of(other)))
            self._parent[b] = a

    def groups(self) -> tuple[tuple[int, ...], ...]:
        found: dict[int, list[int]] = {}
        for op in range(len(self._parent)):
            found.setdefault(self.of(op), []).append(op)
        return tuple(tuple(group) for _, group in sorted(found.items()))


def _names(graph: OpGraph, atoms: Sequence[tuple[int, ...]]) -> list[str]:
    """Every unit by the tensor its last operator makes, and by its number where that is taken."""
    names: list[str] = []
    taken: set[str] = set()
    for atom in atoms:
        made = [t for op in atom for t in graph.operators[op].outputs]
        name = graph.tensors[made[-1]].name if made else ""
        if not name or name in taken:
            name = f"{name or 'operator'}#{atom[0]}"
        taken.add(name)
        names.append(name)
    return names


def _read_by(graph: OpGraph, atom: Sequence[int], owner: Mapping[int, int]) -> set[int]:
    return {owner[before] for op in atom for before in graph.predecessors(op)}


def _work(atom: Sequence[int], seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    work = {name: math.fsum(taken[op] for op in atom) for name, taken in seconds.items()}
    return {name: total for name, total in work.items() if total < math.inf}


def _memory(graph: OpGraph, atom: Sequence[int]) -> int:
    made = {tensor for op in atom for tensor in graph.operators[op].outputs}
    weights = sum(graph.operators[op].weight_bytes for op in atom)
    return weights + sum(graph.tensors[tensor].nbytes for tensor in made)


def _output_bytes(graph: OpGraph, atom: Sequence[int], owner: Mapping[int, int]) -> int:
    """All that other units read; a device that wants only some of it is charged for all."""
    made = {tensor for op in atom for tensor in graph.operators[op].outputs}
    home = owner[atom[0]]
    wanted = (
        tensor
        for tensor in made
        if any(owner[user] != home for user in graph.consumers.get(tensor, ()))
    )
    return sum(graph.tensors[tensor].nbytes for tensor in wanted)
