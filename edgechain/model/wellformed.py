"""What must hold before a model is walked: indexes inside their tables, operators in order.

A model file may come from anybody. The checks are those that the rest of this package relies
on; whether kernels accept the model is the interpreter's business.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from edgechain.errors import InvalidModel
from edgechain.model.calls import called_subgraphs
from edgechain.model.schema import (
    ModelT,
    OperatorT,
    SubGraphT,
    TensorT,
    operator_kind,
    text,
)

OMITTED = -1
"""The index of an optional input that is not given."""


def check(model: ModelT) -> None:
    """Raise ``InvalidModel`` for the first thing that does not hold together."""
    if not model.subgraphs:
        raise InvalidModel("the model has no subgraph: there is nothing to run")
    if any(part is None for part in (*model.subgraphs, *model.buffers, *model.operatorCodes)):
        raise InvalidModel("the model is damaged: a table is missing")
    _check_indexes("metadata", (m.buffer for m in model.metadata), len(model.buffers))
    for number, graph in enumerate(model.subgraphs):
        _check_subgraph(model, graph, f"subgraph {number}")
    _check_signatures(model)
    _check_main(model.subgraphs[0])


def _check_subgraph(model: ModelT, graph: SubGraphT, where: str) -> None:
    if any(part is None for part in (*graph.tensors, *graph.operators)):
        raise InvalidModel(f"{where} is damaged: a table is missing")
    for index, tensor in enumerate(graph.tensors):
        _check_tensor(model, tensor, f"{where}, tensor {index} ({text(tensor.name)[:64]!r})")
    count = len(graph.tensors)
    _check_indexes(f"{where}, inputs", graph.inputs, count)
    _check_indexes(f"{where}, outputs", graph.outputs, count)
    for index, operator in enumerate(graph.operators):
        _check_operator(model, operator, count, f"{where}, operator {index}")


def _check_tensor(model: ModelT, tensor: TensorT, where: str) -> None:
    _check_indexes(f"{where}, buffer", (tensor.buffer,), len(model.buffers))
    if tensor.externalBuffer:
        raise InvalidModel(f"{where}: its data is in another file; merge it into the model first")
    if any(size < -1 for size in (*tensor.shape, *(tensor.shapeSignature or ()))):
        raise InvalidModel(f"{where}: a dimension is negative")
    quantization = tensor.quantization
    scales = () if quantization is None or quantization.scale is None else quantization.scale
    if not all(map(math.isfinite, scales)):
        raise InvalidModel(f"{where}: a quantisation scale is not a number")


def _check_operator(model: ModelT, operator: OperatorT, tensors: int, where: str) -> None:
    _check_indexes(f"{where}, code", (operator.opcodeIndex,), len(model.operatorCodes))
    where = f"{where} ({operator_kind(model.operatorCodes[operator.opcodeIndex])})"
    _check_indexes(f"{where}, inputs", _given(operator.inputs), tensors)
    _check_indexes(f"{where}, outputs", operator.outputs, tensors)
    _check_indexes(f"{where}, intermediates", _given(operator.intermediates), tensors)
    for kind, options in (
        (operator.builtinOptionsType, operator.builtinOptions),
        (operator.builtinOptions2Type, operator.builtinOptions2),
    ):
        if kind and options is None:
            raise InvalidModel(f"{where}: its options are newer than this edgechain knows")
    _check_indexes(f"{where}, subgraphs", called_subgraphs(operator), len(model.subgraphs))


def _check_signatures(model: ModelT) -> None:
    for signature in model.signatureDefs:
        where = f"signature {text(signature.signatureKey)!r}"
        _check_indexes(where, (signature.subgraphIndex,), len(model.subgraphs))
        tensors = len(model.subgraphs[signature.subgraphIndex].tensors)
        ports = (*signature.inputs, *signature.outputs)
        _check_indexes(where, (port.tensorIndex for port in ports), tensors)


def _check_main(graph: SubGraphT) -> None:
    """The subgraph that is cut: every tensor has one source, operators stand in order."""
    if not graph.operators:
        raise InvalidModel("the model has no operators: there is nothing to run")
    if not graph.inputs or not graph.outputs:
        raise InvalidModel("the model has no inputs or no outputs: nothing can be fed or read")
    if any(count > 1 for count in Counter(graph.inputs).values()):
        raise InvalidModel("the model lists an input twice")
    later = Counter(tensor for op in graph.operators for tensor in op.outputs)
    born = set(graph.inputs)
    for index, operator in enumerate(graph.operators):
        for tensor in operator.inputs:
            if tensor in later and tensor not in born and not graph.tensors[tensor].isVariable:
                raise InvalidModel(f"operator {index} reads tensor {tensor} before it is computed")
        for tensor in operator.outputs:
            if tensor in born:
                raise InvalidModel(f"operator {index} computes tensor {tensor} a second time")
            born.add(tensor)


def _given(indexes: Iterable[int]) -> list[int]:
    return [index for index in indexes if index != OMITTED]


def _check_indexes(where: str, indexes: Iterable[int], count: int) -> None:
    for index in indexes:
        if not 0 <= index < count:
            raise InvalidModel(f"{where}: index {index} is outside its table of {count}")
