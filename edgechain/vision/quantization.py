"""Real numbers to stored ones and back: ``real = scale * (stored - zero_point)``.

Computed in float64, so that what a scale and an integer say is not rounded a second time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.tensor import Quantization, TensorSpec

Array = NDArray[Any]
Reals = NDArray[np.float64]


def dequantize(values: Array, spec: TensorSpec) -> Reals:
    """The real numbers that ``values`` of tensor ``spec`` stand for; same shape."""
    reals: Reals = values.astype(np.float64)
    if spec.quantization is None or not is_integer(spec):
        return reals
    scale, zero = _along(spec.quantization, values.ndim)
    real: Reals = (reals - zero) * scale
    return real


def quantize(reals: Reals, spec: TensorSpec) -> Array:
    """The nearest values of tensor ``spec``, clamped to what its dtype holds; same shape."""
    if not is_integer(spec):
        return reals.astype(spec.dtype.numpy)
    scale, zero = (np.float64(1), np.float64(0))
    if spec.quantization is not None:
        scale, zero = _along(spec.quantization, reals.ndim)
    info = np.iinfo(spec.dtype.value)
    stored: Array = np.clip(np.rint(reals / scale + zero), info.min, info.max)
    return stored.astype(spec.dtype.numpy)


def real_range(spec: TensorSpec) -> tuple[float, float] | None:
    """The smallest and largest real number the tensor can hold; ``None`` without quantisation."""
    if spec.quantization is None or not is_integer(spec):
        return None
    info = np.iinfo(spec.dtype.value)
    scale, zero = spec.quantization.scales[0], spec.quantization.zero_points[0]
    return scale * (int(info.min) - zero), scale * (int(info.max) - zero)


def is_integer(spec: TensorSpec) -> bool:
    """Whether the tensor's elements are integers."""
    return bool(np.issubdtype(spec.dtype.numpy, np.integer))


def _along(quantization: Quantization, rank: int) -> tuple[Any, Any]:
    """Scale and zero point, shaped to meet an array of this rank on the quantised axis."""
    scale = np.asarray(quantization.scales, np.float64)
    zero = np.asarray(quantization.zero_points, np.float64)
    if scale.size == 1:
        return scale[0], zero[0]
    shape = [1] * rank
    shape[quantization.axis] = scale.size
    return scale.reshape(shape), zero.reshape(shape)
