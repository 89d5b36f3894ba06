"""What a model is made of, for people and for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgechain.model.attached import labels_in
from edgechain.model.graph import graph_of
from edgechain.model.names import port_names
from edgechain.model.schema import constant_bytes, text, type_name
from edgechain.model.source import Model
from edgechain.model.tensors import bytes_of, quantization_of, shape_of
from edgechain.spec.graph import OpGraph


@dataclass(frozen=True)
class PortReport:
    """An input or output: the name callers use, the tensor behind it, how it looks."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    tensor: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class CutReport:
    """A place where the model can be cut: after which operator, what crosses, how many bytes.

    An input of the model that is still wanted behind the cut is sent there by the client and
    does not count. Bytes are for the stored shapes (batch 1 where the batch is open).
    """

    after: int
    tensors: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class OperatorReport:
    """One operator of the main subgraph; tensors that are constants are left out."""

    index: int
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    macs: int
    parameters: int


@dataclass(frozen=True)
class SignatureReport:
    """A signature's key, the subgraph it enters, and its names."""

    key: str
    subgraph: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class ModelReport:
    """All that ``edgechain inspect`` shows.

    ``kinds`` counts operators, ``types`` the bytes of activations and weights by tensor type;
    ``stays`` says which operators must share a stage.
    """

    file: str
    bytes: int
    operators: int
    inputs: tuple[PortReport, ...]
    outputs: tuple[PortReport, ...]
    macs: int
    parameters: int
    cuts: tuple[CutReport, ...]
    quantization: str
    types: Mapping[str, int]
    kinds: Mapping[str, int]
    subgraphs: tuple[str, ...]
    signatures: tuple[SignatureReport, ...]
    attached: tuple[str, ...]
    labels: int
    stays: tuple[str, ...]
    table: tuple[OperatorReport, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return asdict(self)


def inspect(model: Model) -> ModelReport:
    """Look at a model without running it."""
    graph = graph_of(model)
    names = {index: tensor.name for index, tensor in graph.tensors.items()}
    inputs, outputs = port_names(model.tree, names)
    return ModelReport(
        file=model.file,
        bytes=len(model.content),
        operators=len(graph.operators),
        inputs=_ports(model, inputs, model.main.inputs),
        outputs=_ports(model, outputs, model.main.outputs),
        macs=sum(op.macs for op in graph.operators),
        parameters=_parameters(model),
        cuts=cuts_of(graph),
        quantization=_quantization(model),
        types=_bytes_by_type(model),
        kinds=dict(Counter(op.kind for op in graph.operators).most_common()),
        subgraphs=_subgraphs(model),
        signatures=_signatures(model),
        attached=tuple(file.name for file in model.attached),
        labels=len(labels_in(model.attached) or ()),
        stays=_stays(graph),
        table=_table(graph),
    )


def cuts_of(graph: OpGraph) -> tuple[CutReport, ...]:
    """Every place where the model can be cut in two, in execution order."""
    barred = np.zeros(len(graph.operators), dtype=np.bool_)
    for members, _ in graph.bound:
        barred[min(members) : max(members)] = True
    alive: dict[int, int] = {}
    found: list[CutReport] = []
    for op in graph.operators[:-1]:
        for tensor in op.outputs:
            alive[tensor] = max(graph.consumers.get(tensor, ()), default=op.index)
        alive = {tensor: last for tensor, last in alive.items() if last > op.index}
        tensors = [graph.tensors[tensor] for tensor in alive]
        if alive and not barred[op.index] and not any(tensor.crosses for tensor in tensors):
            crossing = sum(tensor.nbytes for tensor in tensors)
            found.append(CutReport(op.index, tuple(t.name for t in tensors), crossing))
    return tuple(found)


def _ports(model: Model, names: list[str], tensors: list[int]) -> tuple[PortReport, ...]:
    return tuple(_port(model, name, index) for name, index in zip(names, tensors, strict=True))


def _port(model: Model, name: str, index: int) -> PortReport:
    tensor = model.main.tensors[index]
    affine = quantization_of(tensor)
    return PortReport(
        name=name,
        dtype=type_name(tensor.type),
        shape=shape_of(tensor),
        tensor=text(tensor.name),
        scale=affine.scales[0] if affine else None,
        zero_point=affine.zero_points[0] if affine else None,
    )


def _parameters(model: Model) -> int:
    """Constant elements of all subgraphs, a buffer that several tensors share counted once."""
    counted: dict[int, int] = {}
    for graph in model.tree.subgraphs:
        for tensor in graph.tensors:
            if constant_bytes(model.tree, tensor) is not None:
                size = int(np.prod([max(s, 0) for s in tensor.shape], dtype=object))
                counted[tensor.buffer] = max(counted.get(tensor.buffer, 0), size)
    return sum(counted.values())


def _bytes_by_type(model: Model) -> dict[str, int]:
    total: Counter[str] = Counter()
    for tensor in model.main.tensors:
        total[type_name(tensor.type)] += bytes_of(tensor)
    return dict(total.most_common())


def _quantization(model: Model) -> str:
    """One word for the model, from its activations and weights."""
    main, tree = model.main, model.tree
    computed = {type_name(main.tensors[t].type) for op in main.operators for t in op.outputs}
    weights = Counter[str]()
    for tensor in main.tensors:
        if constant_bytes(tree, tensor) is not None:
            weights[type_name(tensor.type)] += bytes_of(tensor)
    most = weights.most_common(1)[0][0] if weights else ""
    integer = next((kind for kind in ("int8", "uint8", "int16") if kind in computed), "")
    if integer and (main.operators and most.startswith(("int", "uint"))):
        return f"{integer} activations and weights"
    if most in {"int8", "uint8", "int4"}:
        return f"{most} weights, float activations (dynamic range)"
    return "float16 weights" if most == "float16" else "none (float)"


def _signatures(model: Model) -> tuple[SignatureReport, ...]:
    return tuple(
        SignatureReport(
            key=text(signature.signatureKey),
            subgraph=signature.subgraphIndex,
            inputs=tuple(text(port.name) for port in signature.inputs),
            outputs=tuple(text(port.name) for port in signature.outputs),
        )
        for signature in model.tree.signatureDefs
    )


def _subgraphs(model: Model) -> tuple[str, ...]:
    return tuple(
        f"{number} {text(graph.name) or 'without a name'}: {len(graph.operators)} operators, "
        f"{len(graph.tensors)} tensors"
        for number, graph in enumerate(model.tree.subgraphs)
    )


def _stays(graph: OpGraph) -> tuple[str, ...]:
    together = [
        f"operators {', '.join(map(str, sorted(members)))}: {reason}"
        for members, reason in graph.bound
    ]
    inside = [
        f"{graph.operators[op]}: its output {tensor.name!r} {tensor.crosses}"
        for tensor, op in ((graph.tensors[t], op) for t, op in graph.producer.items())
        if tensor.crosses
    ]
    return (*together, *inside)


def _table(graph: OpGraph) -> tuple[OperatorReport, ...]:
    return tuple(
        OperatorReport(
            index=op.index,
            kind=op.kind,
            inputs=tuple(graph.tensors[tensor].name for tensor in op.inputs),
            outputs=tuple(graph.tensors[tensor].name for tensor in op.outputs),
            shape=graph.tensors[op.outputs[0]].shape if op.outputs else (),
            dtype=graph.tensors[op.outputs[0]].dtype if op.outputs else "",
            macs=op.macs,
            parameters=op.parameters,
        )
        for op in graph.operators
    )
