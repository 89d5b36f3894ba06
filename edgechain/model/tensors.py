"""A tensor of the file as edgechain speaks of it: dtype, shape, quantisation, bytes."""

from __future__ import annotations

import math

from edgechain.model.schema import QuantizationParametersT, TensorT, type_name
from edgechain.spec.tensor import MAX_RANK, MAX_TENSOR_BYTES, DType, Quantization, TensorSpec

_BITS = {"int4": 4, "uint4": 4, "int2": 2, "bfloat16": 16, "float8_e4m3fn": 8, "float8_e5m2": 8}
"""Types that have a size but no numpy equivalent."""

_KNOWN = frozenset(map(str, DType))


def shape_of(tensor: TensorT) -> tuple[int, ...]:
    """The shape with -1 where the model leaves a dimension open."""
    return tuple(tensor.shapeSignature or tensor.shape)


def stored_shape(tensor: TensorT) -> tuple[int, ...]:
    """The shape the model was converted with: open dimensions are 1."""
    return tuple(max(size, 1) if size < 0 else size for size in tensor.shape)


def elements_of(tensor: TensorT) -> int:
    """How many elements the stored shape has."""
    return math.prod(stored_shape(tensor))


def bytes_of(tensor: TensorT) -> int:
    """Bytes of the stored shape; 0 for types without a fixed size."""
    kind = type_name(tensor.type)
    if kind in _BITS:
        return (elements_of(tensor) * _BITS[kind] + 7) // 8
    return elements_of(tensor) * DType(kind).itemsize if kind in _KNOWN else 0


def why_it_stays(tensor: TensorT) -> str:
    """Why the tensor cannot leave a submodel, as a clause; empty when it can."""
    kind = type_name(tensor.type)
    if kind not in _KNOWN:
        return f"has type {kind.upper()}, which cannot cross a cut"
    if len(tensor.shape) > MAX_RANK:
        return f"has {len(tensor.shape)} dimensions; at most {MAX_RANK} can cross a cut"
    if bytes_of(tensor) > MAX_TENSOR_BYTES:
        return "is larger than the 2 GB a tensor can have"
    if tensor.isVariable:
        return "is a variable tensor, state that stays with its operator"
    return ""


def quantization_of(tensor: TensorT) -> Quantization | None:
    """Affine quantisation, or ``None``; other schemes are not expressed outside the file."""
    found: QuantizationParametersT | None = tensor.quantization
    if found is None or found.scale is None or not len(found.scale) or found.details is not None:
        return None
    scales = tuple(float(scale) for scale in found.scale)
    given = () if found.zeroPoint is None else tuple(int(zero) for zero in found.zeroPoint)
    zeros = given if len(given) == len(scales) else (given[0] if given else 0,) * len(scales)
    axis = found.quantizedDimension if len(scales) > 1 else 0
    if not 0 <= axis < MAX_RANK:
        return None
    return Quantization(scales=scales, zero_points=zeros, axis=axis)


def spec_of(
    tensor: TensorT, name: str, shape: tuple[int, ...], bound_bytes: int | None = None
) -> TensorSpec:
    """The tensor as the manifest states it, with the shape that was declared or observed."""
    return TensorSpec(
        name=name,
        dtype=DType(type_name(tensor.type)),
        shape=shape,
        quantization=quantization_of(tensor),
        bound_bytes=bound_bytes if -1 in shape else None,
    )
