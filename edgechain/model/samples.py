"""Seeded random inputs that exercise a model without breaking its preconditions.

Floats are uniform in ranges that models are trained on; small integers cover their whole range;
wide integers, which mostly are indexes and counts, stay small and inside the table they index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import InvalidModel
from edgechain.model.schema import ModelT, OperatorT, operator_kind, type_name
from edgechain.model.source import Model
from edgechain.model.tensors import shape_of, stored_shape
from edgechain.spec.tensor import MAX_TENSOR_BYTES, DType

Array = NDArray[Any]
Sample = Mapping[int, Array]
"""One set of inputs: tensor index to value."""

FLOAT_RANGES = ((-1.0, 1.0), (0.0, 1.0), (-3.0, 3.0), (0.0, 255.0))
"""What images, spectra, standardised features and raw pixels look like; one after the other."""

COUNTS_BELOW = 100
"""Where nothing is known of a wide integer."""

OPEN_SIZE = 32
"""For an open dimension other than the batch: enough for convolutions, short for sequences."""

_NARROW = frozenset({DType.INT8, DType.UINT8, DType.INT16, DType.UINT16})
_LOOKUPS = {"GATHER": (1, 0), "GATHER_ND": (1, 0), "EMBEDDING_LOOKUP": (0, 1)}
"""Where indexes stand among the inputs, and where the table they index."""

_PASSING = frozenset(
    {"CAST", "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE", "CONCATENATION", "PACK", "SLICE"}
    | {"STRIDED_SLICE", "QUANTIZE", "DEQUANTIZE"}
)
"""Operators that hand indexes on as they are."""


def is_open(model: Model) -> bool:
    """Whether an input leaves a dimension open, a batch mostly."""
    return any(-1 in shape_of(model.main.tensors[index]) for index in model.main.inputs)


def open_beside_batch(model: Model) -> bool:
    """Whether an input leaves another dimension than the first open."""
    return any(-1 in shape_of(model.main.tensors[index])[1:] for index in model.main.inputs)


def random_samples(model: Model, *, count: int, seed: int) -> list[Sample]:
    """``count`` different samples, the same for the same seed.

    Batches of 1 and 2 take turns where the batch is open.
    """
    limits = {index: index_limit(model.tree, index) for index in model.main.inputs}
    return [
        {
            index: _random(model, index, run, np.random.default_rng((seed, run, index)), limit)
            for index, limit in limits.items()
        }
        for run in range(count)
    ]


def index_limit(model: ModelT, tensor: int) -> int | None:
    """Rows of the smallest table that values of ``tensor`` index, or ``None``."""
    main, limits = model.subgraphs[0], []
    carrying = {tensor}
    for operator in main.operators:
        kind = operator_kind(model.operatorCodes[operator.opcodeIndex])
        if kind in _LOOKUPS:
            limits += _rows(model, operator, kind, carrying)
        elif kind in _PASSING and carrying.intersection(operator.inputs):
            carrying.update(operator.outputs)
    return min(limits, default=None)


def _rows(model: ModelT, operator: OperatorT, kind: str, carrying: set[int]) -> list[int]:
    indexes, table = _LOOKUPS[kind]
    if max(indexes, table) >= len(operator.inputs) or operator.inputs[indexes] not in carrying:
        return []
    shape = stored_shape(model.subgraphs[0].tensors[operator.inputs[table]])
    return [max(1, min(shape))] if shape else []


def _random(
    model: Model, index: int, run: int, random: np.random.Generator, limit: int | None
) -> Array:
    tensor = model.main.tensors[index]
    batch = 1 + run % 2
    shape = tuple(
        size if size >= 0 else batch if axis == 0 else OPEN_SIZE
        for axis, size in enumerate(shape_of(tensor))
    )
    return random_array(DType(type_name(tensor.type)), shape, random, limit, run)


def random_array(
    dtype: DType,
    shape: tuple[int, ...],
    random: np.random.Generator,
    limit: int | None = None,
    run: int = 0,
) -> Array:
    """One random value of a tensor. Raises ``InvalidModel`` for a size no tensor can have."""
    if math.prod(shape) * dtype.itemsize > MAX_TENSOR_BYTES:
        raise InvalidModel(f"an input of shape {list(shape)} is larger than a tensor can be")
    kind = dtype.numpy.kind
    if limit is not None and kind in "iuf":
        return random.integers(0, limit, shape).astype(dtype.numpy)
    if kind == "b":
        return random.integers(0, 2, shape).astype(np.bool_)
    if kind in "iu":
        bounds = np.iinfo(dtype.value)
        low, high = (bounds.min, bounds.max + 1) if dtype in _NARROW else (0, COUNTS_BELOW)
        return random.integers(low, high, shape).astype(dtype.numpy)
    low_float, high_float = FLOAT_RANGES[run % len(FLOAT_RANGES)]
    value: Array = random.uniform(low_float, high_float, shape)
    if kind == "c":
        value = value + 1j * random.uniform(low_float, high_float, shape)
    return value.astype(dtype.numpy)
