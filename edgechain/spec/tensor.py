"""Tensors as edgechain speaks of them: dtype, shape, quantisation, and how many bytes that is."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import numpy as np

MAX_RANK = 8
"""The schema allows any rank; no TFLite kernel takes more than eight dimensions."""

MAX_TENSOR_BYTES = 1 << 31
"""TFLite addresses tensors with signed 32-bit offsets in its flatbuffer."""


class DType(StrEnum):
    """Element types that can cross a cut; values are numpy's names.

    TFLite's STRING, RESOURCE and VARIANT have no fixed size, and its 4-bit types no numpy
    equivalent: they stay inside a submodel.
    """

    BOOL = "bool"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    COMPLEX64 = "complex64"
    COMPLEX128 = "complex128"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype of one element."""
        return _numpy_of(self.value)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return _ITEM_BYTES[self]


@cache
def _numpy_of(name: str) -> np.dtype[np.generic]:
    import numpy as np  # noqa: PLC0415 - 25 MB that a node's daemon never needs

    return np.dtype(name)


def _item_bytes(name: str) -> int:
    """The digits in numpy's names are bits."""
    digits = name.lstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) // 8 if digits else 1


_ITEM_BYTES = {dtype: _item_bytes(dtype.value) for dtype in DType}


class AtKey(ValueError):
    """What a noun's keys do not agree about, and the key where somebody should look first."""

    def __init__(self, key: str, reason: str):
        self.key = key
        super().__init__(reason)


class Frozen(BaseModel):
    """Base of every noun that is written to YAML: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Quantization(Frozen):
    """Affine quantisation: ``real = scale * (stored - zero_point)``.

    One scale for the whole tensor, or one per index of dimension ``axis``.
    """

    scales: tuple[float, ...] = Field(min_length=1)
    zero_points: tuple[int, ...] = Field(min_length=1)
    axis: int = Field(default=0, ge=0, lt=MAX_RANK)

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.scales) != len(self.zero_points):
            raise ValueError("there must be as many zero points as scales")
        return self


Dimension = Annotated[int, Field(ge=-1, le=MAX_TENSOR_BYTES)]


class TensorSpec(Frozen):
    """A tensor's name, dtype, shape and quantisation.

    A dimension of -1 may differ from request to request (a dynamic batch, or the output of an
    operator whose shape the model does not state); ``bound_bytes`` then says how large the
    whole tensor may become, and must be given.
    """

    name: str = Field(min_length=1, max_length=1024)
    dtype: DType
    shape: tuple[Dimension, ...] = Field(max_length=MAX_RANK)
    quantization: Quantization | None = None
    bound_bytes: int | None = Field(default=None, ge=1, le=MAX_TENSOR_BYTES)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.is_dynamic and self.bound_bytes is None:
            raise ValueError(f"tensor {self.name!r} has a dynamic shape but no bound_bytes")
        if not self.is_dynamic and self.bound_bytes is not None:
            raise ValueError(f"tensor {self.name!r} has a static shape: bound_bytes is implied")
        if self.max_bytes > MAX_TENSOR_BYTES:
            raise ValueError(f"tensor {self.name!r} is larger than TFLite can hold")
        return self

    @property
    def is_dynamic(self) -> bool:
        """Whether any dimension may differ from request to request."""
        return -1 in self.shape

    @property
    def max_bytes(self) -> int:
        """The most bytes a value of this tensor may take; exact when the shape is static."""
        if self.bound_bytes is not None:
            return self.bound_bytes
        return math.prod(self.shape) * self.dtype.itemsize

    @cached_property
    def exact(self) -> tuple[tuple[int, ...], int] | None:
        """The one shape that a value has, and its bytes; ``None`` where it may have others."""
        return None if self.is_dynamic else (self.shape, self.max_bytes)

    def nbytes(self, shape: tuple[int, ...]) -> int:
        """Bytes of a value of this shape."""
        exact = self.exact
        if exact is not None and shape == exact[0]:
            return exact[1]
        return math.prod(shape) * self.dtype.itemsize

    def misfit_bytes(self, shape: tuple[int, ...], nbytes: int) -> str | None:
        """Say in one clause why so many bytes are no value of this shape, or ``None``."""
        if (shape, nbytes) == self.exact:
            return None
        problem = self.misfit(self.dtype, shape)
        if problem is None and nbytes != self.nbytes(shape):
            return "is not as large as its shape"
        return problem

    def misfit(self, dtype: str, shape: tuple[int, ...]) -> str | None:
        """Say in one clause why a value of this dtype and shape does not fit, or ``None``."""
        if shape == self.shape and dtype == self.dtype and not self.is_dynamic:
            return None
        if dtype != self.dtype:
            return f"is {dtype}, wants {self.dtype}"
        fits = len(shape) == len(self.shape) and all(
            have >= 0 and want in (-1, have) for have, want in zip(shape, self.shape, strict=True)
        )
        if not fits:
            return f"has shape {_plain(shape)}, wants {_sides(self.shape)}"
        if math.prod(shape) * self.dtype.itemsize > self.max_bytes:
            return (
                f"has shape {_plain(shape)}, more than the {self.max_bytes} bytes this chain allows"
            )
        return None


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join("?" if side < 0 else str(side) for side in shape) or "scalar"


def _plain(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
