from __future__ import annotations

import pytest

from edgechain.plan.cost import Rates, all_seconds, operator_seconds
from edgechain.spec.graph import Activation, Operator, OpGraph

RATES = Rates(float_macs=1e9, integer_macs=2e9, bytes=1e9, call=0.0)


def one(kind: str, dtype: str, macs: int, nbytes: int = 0) -> OpGraph:
    """One operator from tensor 0 to tensor 1."""
    tensors = {i: Activation(i, f"t{i}", dtype, (1,), nbytes) for i in (0, 1)}
    operator = Operator(0, kind, (0,), (1,), macs=macs)
    return OpGraph((operator,), tensors, (0,), (1,))


@pytest.mark.parametrize(
    ("kind", "dtype", "macs", "nbytes", "seconds"),
    [
        ("CONV_2D", "float32", 1_000_000, 0, 1e-3),
        ("CONV_2D", "int8", 1_000_000, 0, 0.5e-3),
        ("DEPTHWISE_CONV_2D", "float32", 1_000_000, 0, 4e-3),
        ("ADD", "float32", 0, 500_000, 1e-3),
        ("LOGISTIC", "float32", 0, 500_000, 4e-3),
        ("CONV_2D", "float32", 1_000, 500_000, 1e-3),
    ],
)
def test_arithmetic_or_traffic_whichever_is_more(
    kind: str, dtype: str, macs: int, nbytes: int, seconds: float
) -> None:
    graph = one(kind, dtype, macs, nbytes)
    assert operator_seconds(graph, graph.operators[0], RATES) == pytest.approx(seconds)


def test_every_call_has_a_price_but_constants_are_free() -> None:
    graph = OpGraph((Operator(0, "DEQUANTIZE", (), (), weight_bytes=9),), {}, (), ())
    assert all_seconds(graph) == (0.0,)
    graph = one("RESHAPE", "int8", 0, 1)
    assert all_seconds(graph)[0] >= 5e-6
