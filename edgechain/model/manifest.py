"""From a cut to ``chain.yaml``: every edge with the shape that was declared or observed.

The file states most shapes. Where it does not (outputs of custom operators) the shape seen while
the cut was proved is taken; a dimension that varied between runs is open (-1). An open tensor is
bounded by ``max_batch`` times the bytes it had for a batch of one, or by the largest value seen
if that is more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from edgechain.errors import CannotCut, InvalidChain
from edgechain.model.actors import Actor, Wiring, wire
from edgechain.model.attached import labels_in
from edgechain.model.names import port_names
from edgechain.model.samples import is_open
from edgechain.model.split import Cut
from edgechain.model.tensors import spec_of
from edgechain.model.verify import Part
from edgechain.spec.chain import ChainManifest, Edge, ModelSource, Port, Stage
from edgechain.spec.ids import as_name
from edgechain.spec.partition_file import render_operators
from edgechain.spec.tensor import MAX_TENSOR_BYTES, DType, TensorSpec

MAX_BATCH = 8
"""An open batch is bounded by this many images unless the caller says otherwise."""

Shapes = Mapping[str, tuple[tuple[int, ...], ...]]


def stage_names(cut: Cut, given: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the cut's submodels: ``given`` by group of the partition, or stage0, stage1..."""
    if given is None:
        return tuple(f"stage{number}" for number in range(len(cut.submodels)))
    return tuple(given[submodel.group] for submodel in cut.submodels)


def whole_part(cut: Cut) -> Part:
    """The whole model, its tensors under the names of the manifest."""
    names = cut.names
    inputs, outputs = cut.graph.inputs, cut.graph.outputs
    return Part(
        "whole",
        cut.model.content,
        tuple(names[i] for i in inputs),
        tuple(names[i] for i in outputs),
    )


def parts_of(cut: Cut, names: Sequence[str]) -> tuple[Part, ...]:
    """The submodels under their stage names."""
    return tuple(
        Part(
            name,
            submodel.content,
            tuple(cut.names[i] for i in submodel.inputs),
            tuple(cut.names[i] for i in submodel.outputs),
        )
        for name, submodel in zip(names, cut.submodels, strict=True)
    )


def manifest_of(
    cut: Cut,
    shapes: Shapes,
    *,
    names: Sequence[str] | None = None,
    actors: Sequence[Actor] = (),
    packed: Sequence[str] = (),
    chain: str | None = None,
    max_batch: int = MAX_BATCH,
) -> ChainManifest:
    """The sealed manifest of a cut and the actors around it.

    ``shapes`` are those seen in the proof, by tensor name; ``packed`` are the tensors that cross
    packed. Raises ``InvalidChain`` when actors and model do not fit together or a tensor cannot
    cross packed, ``CannotCut`` when one has no stable number of dimensions.
    """
    specs = edge_specs(cut, shapes, max_batch)
    stages = [
        _stage(part, submodel.operators)
        for part, submodel in zip(
            parts_of(cut, stage_names(cut, names)), cut.submodels, strict=True
        )
    ]
    inputs, outputs = port_names(cut.model.tree, cut.names)
    wiring = wire(
        stages,
        specs,
        [Port(tensor=cut.names[i], name=n) for i, n in zip(cut.graph.inputs, inputs, strict=True)],
        [
            Port(tensor=cut.names[i], name=n)
            for i, n in zip(cut.graph.outputs, outputs, strict=True)
        ],
        actors,
    )
    try:
        return ChainManifest.sealed(
            name=as_name(chain or cut.graph.name),
            model=ModelSource(file=cut.model.file, sha256=cut.model.sha256),
            inputs=wiring.inputs,
            outputs=wiring.outputs,
            stages=wiring.stages,
            edges=_edges(wiring, frozenset(packed)),
            labels=labels_in(cut.model.attached),
        )
    except ValueError as error:
        raise InvalidChain(f"the stages do not make a chain: {_first_line(error)}") from error


def edge_specs(cut: Cut, shapes: Shapes, max_batch: int) -> dict[str, TensorSpec]:
    """Every tensor that enters, leaves or crosses, in the order of first appearance."""
    opened = is_open(cut.model)
    mentioned = dict.fromkeys(
        index for submodel in cut.submodels for index in (*submodel.inputs, *submodel.outputs)
    )
    found: dict[str, TensorSpec] = {}
    for index in mentioned:
        tensor = cut.graph.tensors[index]
        seen = shapes[tensor.name]
        shape = settled_shape(tensor.name, tensor.shape, seen)
        largest = max(map(math.prod, seen))
        single = math.prod(seen[0]) if opened else largest
        raw = cut.model.main.tensors[index]
        itemsize = DType(tensor.dtype).itemsize
        bound = max(single * max_batch, largest, 1) * itemsize
        found[tensor.name] = spec_of(raw, tensor.name, shape, min(bound, MAX_TENSOR_BYTES))
    return found


def settled_shape(
    name: str, declared: tuple[int, ...], seen: Sequence[tuple[int, ...]]
) -> tuple[int, ...]:
    """The declared shape where it held in every run, else what was observed, -1 where it varied."""
    ranks = {len(shape) for shape in seen}
    if len(ranks) != 1:
        raise CannotCut(f"tensor {name!r}", "its number of dimensions varies from run to run")
    if len(declared) in ranks:
        columns = zip(declared, zip(*seen, strict=True), strict=True)
        if all(size == -1 or set(column) == {size} for size, column in columns):
            return declared
    return tuple(column[0] if len(set(column)) == 1 else -1 for column in zip(*seen, strict=True))


def _stage(part: Part, operators: tuple[int, ...]) -> Stage:
    return Stage(
        name=part.name,
        inputs=part.inputs,
        outputs=part.outputs,
        file=f"{part.name}.tflite",
        sha256=hashlib.sha256(part.content).hexdigest(),
        operators=render_operators(operators),
    )


def _edges(wiring: Wiring, packed: frozenset[str]) -> tuple[Edge, ...]:
    source = {tensor: stage.name for stage in wiring.stages for tensor in stage.outputs}
    left = {port.tensor for port in wiring.outputs}
    return tuple(
        Edge(
            tensor=spec,
            source=source.get(name),
            targets=tuple(stage.name for stage in wiring.stages if name in stage.inputs),
            to_client=name in left,
            codec="zstd" if name in packed else None,
        )
        for name, spec in wiring.specs.items()
    )


def _first_line(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    told = next((line for line in lines if line.startswith("Value error, ")), lines[0])
    return told.removeprefix("Value error, ").split(" [type=")[0]
