"""The model's main subgraph as an ``OpGraph``: what the cut is decided on."""

from __future__ import annotations

from edgechain.model.arithmetic import macs_of
from edgechain.model.calls import called_subgraphs
from edgechain.model.names import unique_names
from edgechain.model.schema import (
    ModelT,
    OperatorT,
    SubGraphT,
    TensorT,
    constant_bytes,
    is_custom,
    operator_kind,
    type_name,
)
from edgechain.model.source import Model
from edgechain.model.state import bound_operators, touches_resources
from edgechain.model.tensors import bytes_of, elements_of, shape_of, why_it_stays
from edgechain.spec.graph import Activation, Operator, OpGraph

_UNREPEATABLE = frozenset(
    {"MULTINOMIAL", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "STABLEHLO_RNG_BIT_GENERATOR"}
)
"""Two copies of such an operator may give two answers, even from constants."""


def graph_of(model: Model) -> OpGraph:
    """The graph of a model. An operator's index is its place in the file."""
    tree, main = model.tree, model.main
    constant = constant_operators(tree)
    fixed = {tensor for op in constant for tensor in main.operators[op].outputs}
    born = (t for i, op in enumerate(main.operators) if i not in constant for t in op.outputs)
    names = unique_names(main, dict.fromkeys((*main.inputs, *born)))
    return OpGraph(
        operators=tuple(
            _operator(tree, index, names, fixed) for index in range(len(main.operators))
        ),
        tensors=_activations(tree, names),
        inputs=tuple(main.inputs),
        outputs=tuple(main.outputs),
        bound=bound_operators(tree),
        name=model.file.removesuffix(".tflite"),
    )


def constant_operators(model: ModelT) -> frozenset[int]:
    """Operators computing only from constants, such as the DEQUANTIZE of float16 weights.

    To the cut their outputs are constants: every submodel that reads one has its own copy of
    the operator, so that weights never cross the wire.
    """
    main = model.subgraphs[0]
    known = set(range(len(main.tensors))) - set(main.inputs)
    known -= {tensor for op in main.operators for tensor in op.outputs}
    known -= {index for index in known if main.tensors[index].isVariable}
    found: set[int] = set()
    for index, operator in enumerate(main.operators):
        given = [tensor for tensor in operator.inputs if tensor >= 0]
        if given and known.issuperset(given) and _repeatable(model, operator):
            found.add(index)
            known.update(operator.outputs)
    return frozenset(found)


def _repeatable(model: ModelT, operator: OperatorT) -> bool:
    code = model.operatorCodes[operator.opcodeIndex]
    free = is_custom(code) or operator_kind(code) in _UNREPEATABLE or called_subgraphs(operator)
    return not free and not touches_resources(model, operator)


def _operator(model: ModelT, index: int, names: dict[int, str], fixed: set[int]) -> Operator:
    main = model.subgraphs[0]
    operator = main.operators[index]
    weights = _weights(model, main, operator)
    computed = [t for t in operator.outputs if t not in fixed]
    return Operator(
        index=index,
        kind=operator_kind(model.operatorCodes[operator.opcodeIndex]),
        inputs=tuple(t for t in operator.inputs if t in names),
        outputs=tuple(computed),
        macs=macs_of(model, main, operator),
        parameters=sum(map(elements_of, weights)),
        weight_bytes=sum(map(bytes_of, weights)),
    )


def _weights(model: ModelT, main: SubGraphT, operator: OperatorT) -> list[TensorT]:
    read = (main.tensors[i] for i in dict.fromkeys(operator.inputs) if i >= 0)
    return [tensor for tensor in read if constant_bytes(model, tensor) is not None]


def _activations(model: ModelT, names: dict[int, str]) -> dict[int, Activation]:
    main = model.subgraphs[0]
    unstated = _without_shape(model)
    return {
        index: Activation(
            index=index,
            name=name,
            dtype=type_name(main.tensors[index].type),
            shape=shape_of(main.tensors[index]),
            nbytes=0 if index in unstated else bytes_of(main.tensors[index]),
            crosses=why_it_stays(main.tensors[index]),
        )
        for index, name in names.items()
    }


def _without_shape(model: ModelT) -> frozenset[int]:
    """Outputs of custom operators that look like scalars: the file states no shape for them."""
    main = model.subgraphs[0]
    return frozenset(
        tensor
        for op in main.operators
        if is_custom(model.operatorCodes[op.opcodeIndex])
        for tensor in op.outputs
        if not shape_of(main.tensors[tensor]) and not main.tensors[tensor].hasRank
    )


def written_counts(graph: OpGraph) -> dict[int, int]:
    """Model outputs of which only the first rows are written, with the output that counts them.

    TFLite_Detection_PostProcess gives (boxes, classes, scores, count) and leaves the rows behind
    the count as they were in memory: they differ between two runs of the whole model as well.
    """
    found: dict[int, int] = {}
    for op in graph.operators:
        if op.kind == "TFLite_Detection_PostProcess" and len(op.outputs) == 4:
            *rows, count = op.outputs
            if count in graph.outputs:
                found |= {tensor: count for tensor in rows if tensor in graph.outputs}
    return found
