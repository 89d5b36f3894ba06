"""A partition becomes submodels: pure, from one model in memory to several.

Every submodel has the tensor names, quantisation, shapes, metadata and attached files of the
model it comes from. Nothing is run here; ``verify`` proves that the parts equal the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from edgechain.errors import CannotCut
from edgechain.model import schema
from edgechain.model.graph import constant_operators
from edgechain.model.rewrites.attach_files import attach_files
from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.rewrites.prune_buffers import prune_buffers
from edgechain.model.rewrites.prune_operator_codes import prune_operator_codes
from edgechain.model.rewrites.prune_subgraphs import prune_subgraphs
from edgechain.model.rewrites.prune_tensors import prune_tensors
from edgechain.model.rewrites.sign import sign
from edgechain.model.schema import ModelT
from edgechain.model.source import Model
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.progress import Progress, silent


@dataclass(frozen=True)
class Submodel:
    """One part.

    ``inputs`` and ``outputs`` are tensor indexes of the whole model, in the order in which the
    part takes and gives them; ``group`` says which group of the partition it is.
    """

    group: int
    operators: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    content: bytes


@dataclass(frozen=True)
class Cut:
    """A model in parts, in an order in which every part follows those it needs."""

    model: Model
    graph: OpGraph
    submodels: tuple[Submodel, ...]

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Tensor index to the unique name it has in the manifest."""
        return {index: tensor.name for index, tensor in self.graph.tensors.items()}


def split(model: Model, partition: Partition, progress: Progress = silent) -> Cut:
    """Cut ``model`` into the groups of ``partition``. Raises ``CannotCut`` with the reason."""
    graph = partition.graph
    check_ports(graph)
    order = order_of_groups(partition)
    constant = constant_operators(model.tree)
    submodels: list[Submodel] = []
    for done, number in enumerate(order):
        progress("cutting", done, len(order))
        group = tuple(sorted(partition.groups[number]))
        inputs, outputs = _boundary(graph, group, first=done == 0)
        tree = _part(
            model.tree, graph, _with_constants(model.tree, group, constant), inputs, outputs
        )
        content = attach_files(schema.write(tree), model.attached)
        submodels.append(Submodel(number, group, inputs, outputs, content))
    progress("cutting", len(order), len(order))
    return Cut(model, graph, tuple(submodels))


def check_ports(graph: OpGraph) -> None:
    """Raise ``CannotCut`` for an input or output of the model that no chain could carry."""
    for index in graph.inputs:
        if graph.tensors[index].crosses:
            tensor = graph.tensors[index]
            raise CannotCut(f"the model's input {tensor.name!r}", f"it {tensor.crosses}")
    for index in graph.outputs:
        if index not in graph.tensors:
            raise CannotCut(
                f"the model's output tensor {index}", "it is a constant, nothing to run"
            )
        tensor = graph.tensors[index]
        if index in graph.inputs:
            raise CannotCut(
                f"the model's output {tensor.name!r}", "it is one of the inputs as it is"
            )
        if index not in graph.producer:
            raise CannotCut(f"the model's output {tensor.name!r}", "no operator computes it")
        if tensor.crosses:
            raise CannotCut(
                str(graph.operators[graph.producer[index]]), f"its output {tensor.crosses}"
            )


def order_of_groups(partition: Partition) -> tuple[int, ...]:
    """Group numbers so that every group follows those it needs; else by first operator."""
    graph, groups = partition.graph, partition.groups
    owner = {op: number for number, group in enumerate(groups) for op in group}
    needs = {
        number: {owner[p] for op in group for p in graph.predecessors(op)} - {number}
        for number, group in enumerate(groups)
    }
    placed: list[int] = []
    while len(placed) < len(groups):
        ready = (n for n in needs if n not in placed and needs[n].issubset(placed))
        placed.append(min(ready, key=lambda number: min(groups[number])))
    return tuple(placed)


def _boundary(
    graph: OpGraph, group: tuple[int, ...], *, first: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a group takes and gives: the model's own inputs and outputs in the model's order.

    An input that no operator uses goes to the first submodel, so the chain takes what the
    model takes.
    """
    wanted, made = graph.inputs_of(group), graph.outputs_of(group)
    unused = [t for t in graph.inputs if first and not graph.consumers.get(t)]
    inputs = [t for t in graph.inputs if t in wanted or t in unused]
    inputs += [t for t in wanted if t not in inputs]
    outputs = [t for t in dict.fromkeys(graph.outputs) if t in made]
    outputs += [t for t in made if t not in outputs]
    first_operator = str(graph.operators[group[0]])
    if not inputs:
        raise CannotCut(
            first_operator, "its group takes no tensor, it computes from constants only"
        )
    if not outputs:
        raise CannotCut(first_operator, "nobody uses what its group computes")
    return tuple(inputs), tuple(outputs)


def _with_constants(
    model: ModelT, group: Sequence[int], constant: frozenset[int]
) -> frozenset[int]:
    """The group's computing operators and every constant operator they read from."""
    operators = model.subgraphs[0].operators
    maker = {tensor: op for op in constant for tensor in operators[op].outputs}
    kept: set[int] = set()
    waiting = [op for op in group if op not in constant]
    while waiting:
        op = waiting.pop()
        if op not in kept:
            kept.add(op)
            waiting.extend(maker[t] for t in operators[op].inputs if t in maker)
    return frozenset(kept)


def _part(
    model: ModelT,
    graph: OpGraph,
    operators: frozenset[int],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
) -> ModelT:
    names = {index: graph.tensors[index].name for index in (*inputs, *outputs)}
    part = sign(extract_operators(model, operators, inputs, outputs), names)
    for rewrite in (prune_subgraphs, prune_tensors, prune_operator_codes, prune_buffers):
        part = rewrite(part)
    return part
