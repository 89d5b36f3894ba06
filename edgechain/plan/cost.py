"""How long an operator takes on a small ARM core, estimated from what it does.

Only ratios between operators matter: they decide where a model is cut before anything was
measured. A profile of the device itself replaces them. An operator takes as long as its
arithmetic or its memory traffic, whichever is more, plus the fixed price of one call.

The constants are for one Cortex-A72 core at 1.5 GHz (Raspberry Pi 4): NEON does 8 float
multiply-accumulates a cycle at best (Arm Cortex-A72 optimisation guide: two 128-bit pipes), of
which XNNPACK reaches a third to a half on convolutions; 8-bit products go about twice as fast
without the dot-product instructions that this core lacks; depthwise filters reuse little and
reach a fourth. STREAM copies 3 to 4 GB/s from one core.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.spec.graph import Operator, OpGraph


@dataclass(frozen=True, slots=True)
class Rates:
    """One core's speed: multiply-accumulates and bytes a second, and seconds a call."""

    float_macs: float = 5.0e9
    integer_macs: float = 10.0e9
    bytes: float = 3.0e9
    call: float = 5.0e-6


CORTEX_A72 = Rates()

_SHARE_OF_PEAK = {
    "DEPTHWISE_CONV_2D": 0.25,
    "TRANSPOSE_CONV": 0.5,
    "BATCH_MATMUL": 0.5,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 0.3,
    "BIDIRECTIONAL_SEQUENCE_LSTM": 0.3,
    "RFFT2D": 0.1,
}
"""What a kind reaches of a convolution's rate; others reach all of it."""

_PASSES = {
    "LOGISTIC": 4.0,
    "TANH": 4.0,
    "EXP": 4.0,
    "SOFTMAX": 6.0,
    "GELU": 6.0,
    "LOG": 4.0,
    "RESIZE_BILINEAR": 4.0,
    "TRANSPOSE": 3.0,
    "TFLite_Detection_PostProcess": 20.0,
}
"""Element-wise work expressed as that many passes over the bytes touched; others take one."""

_FREE = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Kinds that move bytes at most, never compute."""

_FLOATS = frozenset({"float16", "float32", "float64", "complex64", "complex128"})


def operator_seconds(graph: OpGraph, operator: Operator, rates: Rates = CORTEX_A72) -> float:
    """Seconds one run of ``operator`` takes on one core.

    An operator that computes from constants only is done once, when the model loads: 0.
    """
    if not operator.inputs and not operator.outputs:
        return 0.0
    arithmetic = operator.macs / (_macs_rate(graph, operator, rates) * _share(operator))
    traffic = _bytes_touched(graph, operator) / rates.bytes
    passes = 1.0 if operator.kind in _FREE else _PASSES.get(operator.kind, 1.0)
    return max(arithmetic, traffic * passes) + rates.call


def all_seconds(graph: OpGraph, rates: Rates = CORTEX_A72) -> tuple[float, ...]:
    """Seconds of every operator, in execution order."""
    return tuple(operator_seconds(graph, operator, rates) for operator in graph.operators)


def _macs_rate(graph: OpGraph, operator: Operator, rates: Rates) -> float:
    kinds = {graph.tensors[tensor].dtype for tensor in (*operator.inputs, *operator.outputs)}
    return rates.integer_macs if kinds.isdisjoint(_FLOATS) else rates.float_macs


def _share(operator: Operator) -> float:
    return _SHARE_OF_PEAK.get(operator.kind, 1.0)


def _bytes_touched(graph: OpGraph, operator: Operator) -> int:
    tensors = dict.fromkeys((*operator.inputs, *operator.outputs))
    return operator.weight_bytes + sum(graph.tensors[tensor].nbytes for tensor in tensors)
