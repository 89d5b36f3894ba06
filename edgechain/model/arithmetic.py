"""How many multiply-accumulates an operator does, counted from shapes.

Counted as papers count them: convolutions, matrix products, recurrent cells and transforms;
element-wise operators, pooling and data movement count as zero. Shapes are the stored ones
(batch 1 where the batch is open); a loop body counts once, whatever the number of rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgechain.model.calls import operators_within
from edgechain.model.schema import ModelT, OperatorT, SubGraphT, TensorT, operator_kind
from edgechain.model.tensors import elements_of, stored_shape


def macs_of(model: ModelT, graph: SubGraphT, operator: OperatorT) -> int:
    """Multiply-accumulates of one run of ``operator``, with all it calls. Never raises."""
    own = _count(model, graph, operator)
    return own + sum(
        _count(model, model.subgraphs[number], inner)
        for number, inner in operators_within(model, operator)
    )


def _count(model: ModelT, graph: SubGraphT, operator: OperatorT) -> int:
    count = _COUNTERS.get(operator_kind(model.operatorCodes[operator.opcodeIndex]))
    if count is None or not operator.outputs:
        return 0
    inputs = [graph.tensors[i] if i >= 0 else None for i in operator.inputs]
    outputs = [graph.tensors[i] for i in operator.outputs]
    try:
        return count(inputs, outputs)
    except (IndexError, AttributeError, ZeroDivisionError):
        return 0  # fewer tensors or dimensions than the operator needs: its kernel will say so


_Tensors = list[TensorT]


def _convolution(inputs: _Tensors, outputs: _Tensors) -> int:
    """Filter [out, height, width, in / groups]: every output element takes one filter."""
    return elements_of(outputs[0]) * math.prod(stored_shape(inputs[1])[1:])


def _depthwise(inputs: _Tensors, outputs: _Tensors) -> int:
    """Filter [1, height, width, channels]."""
    return elements_of(outputs[0]) * math.prod(stored_shape(inputs[1])[1:3])


def _transposed(inputs: _Tensors, _outputs: _Tensors) -> int:
    """Inputs (output shape, filter [out, height, width, in], data): each input spreads out."""
    return elements_of(inputs[2]) * math.prod(stored_shape(inputs[1])[:3])


def _convolution_3d(inputs: _Tensors, outputs: _Tensors) -> int:
    """Filter [depth, height, width, in, out]."""
    return elements_of(outputs[0]) * math.prod(stored_shape(inputs[1])[:4])


def _fully_connected(inputs: _Tensors, outputs: _Tensors) -> int:
    """Weights [out, in]; data of any rank ending in ``in``."""
    return elements_of(outputs[0]) * stored_shape(inputs[1])[-1]


def _matrix_product(inputs: _Tensors, outputs: _Tensors) -> int:
    """[..., m, k] x [..., k, n]; either may be stored transposed, elements are the same."""
    rows = elements_of(outputs[0]) // stored_shape(outputs[0])[-1]
    return elements_of(outputs[0]) * elements_of(inputs[0]) // rows


def _recurrent(inputs: _Tensors, _outputs: _Tensors) -> int:
    """All weight matrices once per step; data is [batch, steps, in] or [steps, batch, in]."""
    weights = sum(elements_of(t) for t in inputs[1:] if t and len(stored_shape(t)) == 2)
    return weights * math.prod(stored_shape(inputs[0])[:-1])


def _fourier(inputs: _Tensors, _outputs: _Tensors) -> int:
    """Butterflies: n log2 n of two real multiplications, half of them for real data."""
    length = stored_shape(inputs[0])[-1]
    return elements_of(inputs[0]) * max(1, math.ceil(math.log2(max(length, 2))))


_COUNTERS: dict[str, Callable[[_Tensors, _Tensors], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "CONV_3D": _convolution_3d,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _matrix_product,
    "LSTM": _recurrent,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "RNN": _recurrent,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
    "BIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
    "SVDF": _recurrent,
    "RFFT2D": _fourier,
}
