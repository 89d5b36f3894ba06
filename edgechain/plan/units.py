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
from itertools import accumulate

from edgechain.errors import CannotPlace
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.partition_file import parse_operators
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Problem, Unit, Wire

KEPT, ALIVE, STAGE_BYTES = 2, 3, 1_000_000
"""What an interpreter takes: constants twice (the file's, and packed for the processor), tensors
three times at most (its arena, XNNPACK's own, and buffers for convolutions), and a little in any
case. Six real models needed 10 to 40 % less."""


INPUT, OUTPUT = "input", "output"
"""What people call the operators that have to do with the client."""


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

    def read_elsewhere(self, unit: str) -> tuple[int, ...]:
        """Tensors that a unit makes and another one reads, in order of birth."""
        return _read_elsewhere(self.graph, self.operators[unit])

    def units_of(self, what: str) -> tuple[str, ...]:
        """The units of what a person names, in the problem's order.

        That is ``input`` or ``output`` (who reads the model's inputs, who makes its outputs), a
        tensor (who makes it), or operators as ``0-30``. Raises ``CannotPlace`` where it is nothing.
        """
        meant = self._operators_called(what)
        names = (unit.name for unit in self.problem.units)
        return tuple(name for name in names if not meant.isdisjoint(self.operators[name]))

    def _operators_called(self, what: str) -> set[int]:
        graph = self.graph
        if what == INPUT:
            return {op for tensor in graph.inputs for op in graph.consumers.get(tensor, ())}
        if what == OUTPUT:
            return {graph.producer[tensor] for tensor in graph.outputs if tensor in graph.producer}
        made = {op for tensor, op in graph.producer.items() if graph.tensors[tensor].name == what}
        try:
            return made or set(parse_operators(what, len(graph.operators)))
        except ValueError:
            raise CannotPlace(
                f"{what!r} is nothing of this model; give {INPUT}, {OUTPUT}, a tensor's name, or "
                f"operators as 0-{len(graph.operators) - 1}"
            ) from None


def model_problem(
    graph: OpGraph,
    seconds: Mapping[str, Sequence[float]],
    boards: Sequence[Board],
    wires: Sequence[Wire] | None,
) -> ModelProblem:
    """The placement of ``graph``, where ``seconds`` is every operator's work by device name.

    An infinite work says that the device cannot run the operator. A unit is called by its last
    operator's output. It keeps its constants, and while it runs there are all the tensors that the
    model has at that moment.
    """
    atoms, alive = indivisible(graph), _alive_bytes(graph)
    owner = {op: number for number, atom in enumerate(atoms) for op in atom}
    names = _names(graph, atoms)
    units = tuple(
        Unit(
            names[number],
            tuple(names[other] for other in sorted(_read_by(graph, atom, owner) - {number})),
            _work(atom, seconds),
            KEPT * sum(graph.operators[op].weight_bytes for op in atom),
            sum(graph.tensors[tensor].nbytes for tensor in _read_elsewhere(graph, atom)),
            *_client_bytes(graph, atom),
            STAGE_BYTES + ALIVE * max(alive[op] for op in atom),
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


def _alive_bytes(graph: OpGraph) -> list[int]:
    """For every operator the bytes of all tensors that are there while it runs."""
    count = len(graph.operators)
    change = [0] * (count + 1)
    born = {**dict.fromkeys(graph.inputs, 0), **graph.producer}
    for tensor, first in born.items():
        last = count - 1 if tensor in graph.outputs else max(graph.consumers.get(tensor, (first,)))
        change[first] += graph.tensors[tensor].nbytes
        change[last + 1] -= graph.tensors[tensor].nbytes
    return list(accumulate(change[:-1]))


def _client_bytes(graph: OpGraph, atom: Sequence[int]) -> tuple[int, int]:
    """What comes from the client to these operators, and what goes from them to it.

    An input of the model is counted where it is read first.
    """
    first = {t: users[0] for t in graph.inputs if (users := graph.consumers.get(t, ()))}
    read = sum(graph.tensors[t].nbytes for t, op in first.items() if op in atom)
    makers = {t: graph.producer[t] for t in graph.outputs if t in graph.producer}
    return read, sum(graph.tensors[t].nbytes for t, op in makers.items() if op in atom)


def _read_elsewhere(graph: OpGraph, atom: Sequence[int]) -> tuple[int, ...]:
    """All that other units read; a device that wants only some of it is charged for all."""
    own = frozenset(atom)
    made = dict.fromkeys(tensor for op in atom for tensor in graph.operators[op].outputs)
    return tuple(t for t in made if not own.issuperset(graph.consumers.get(t, ())))
