"""A picture as the value of a model's input tensor.

What the numbers of an input mean is not in the model, so these are the rules:

- uint8: the pixels as they are, 0..255. Its quantisation says what they mean to the model.
- int8, int16: the real range is read off the quantisation (a scale of 1/255 is 0..1, of 1/128
  around zero is -1..1, of 1 is 0..255), and pixels are scaled to it and quantised.
- float32, float16: 0..1 for a detector of YOLO's layout, -1..1 for all others, the ranges their
  families are trained with (Ultralytics; TensorFlow's MobileNet and SSD).
- three channels are RGB; one channel is the luma of ITU-R BT.601.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.spec.tensor import DType, TensorSpec
from edgechain.vision.fit import Fit, Geometry, Picture, place
from edgechain.vision.opencv import cv2
from edgechain.vision.quantization import quantize, real_range

Range = tuple[float, float]

UNIT: Range = (0.0, 1.0)
SYMMETRIC: Range = (-1.0, 1.0)
BYTES: Range = (0.0, 255.0)

_FLOATS = {DType.FLOAT16, DType.FLOAT32}
_INTEGERS = {DType.INT8, DType.INT16}


@dataclass(frozen=True, slots=True)
class Preparation:
    """How pictures become values of tensor ``spec``; made by ``preparation_for``."""

    spec: TensorSpec
    fit: Fit
    values: Range
    """The real numbers of black and white; not used for uint8."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the input in pixels."""
        return self.spec.shape[2], self.spec.shape[1]

    def prepare(self, picture: Picture) -> tuple[NDArray[Any], Geometry]:
        """The input value, shape (1, height, width, channels), and where the picture lies in it."""
        placed, geometry = place(picture, *self.size, self.fit)
        if self.spec.shape[3] == 1:
            placed = cv2.cvtColor(placed, cv2.COLOR_RGB2GRAY)[..., np.newaxis]
        return self._value(placed)[np.newaxis], geometry

    def _value(self, pixels: Picture) -> NDArray[Any]:
        if self.spec.dtype is DType.UINT8:
            return pixels
        # There are 256 pixel values: computing each once beats computing every pixel.
        low, high = self.values
        table = quantize(low + np.arange(256) * (high - low) / 255, self.spec)
        value: NDArray[Any] = table[pixels]
        return value


def preparation_for(spec: TensorSpec, *, fit: Fit, floats: Range) -> Preparation:
    """How to prepare pictures for this input; ``floats`` is the range of a float input.

    Raises ``InvalidMedia`` when the tensor does not take one picture.
    """
    shape = "x".join("?" if size < 0 else str(size) for size in spec.shape) or "scalar"
    wants = f"camera cannot feed input {spec.name!r} ({spec.dtype} {shape})"
    if len(spec.shape) != 4:
        raise InvalidMedia(f"{wants}: a picture is 1 x height x width x channels")
    batch, height, width, channels = spec.shape
    if channels not in (1, 3):
        first = "; it seems to want channels first" if height in (1, 3) else ""
        raise InvalidMedia(f"{wants}: a picture has 3 channels, or 1, last{first}")
    if batch not in (1, -1) or height < 1 or width < 1:
        raise InvalidMedia(f"{wants}: it needs one picture of a stated size")
    if spec.dtype is not DType.UINT8 and spec.dtype not in _FLOATS | _INTEGERS:
        raise InvalidMedia(f"{wants}: pictures are uint8, int8, int16 or float")
    return Preparation(spec, fit, _values(spec, floats))


def _values(spec: TensorSpec, floats: Range) -> Range:
    """The real numbers of black and white for this input."""
    if spec.dtype in _FLOATS:
        return floats
    held = real_range(spec)
    if held is None:
        # Integers without quantisation: every value of the dtype, or bytes where it has more.
        return (-128.0, 127.0) if spec.dtype is DType.INT8 else BYTES
    low, high = held
    # Calibration may end a little short of the true range; halfway is far from either.
    if spec.dtype is DType.INT16:
        return floats if high <= 2 else BYTES
    if low < -0.5:
        return SYMMETRIC if high <= 2 else (-128.0, 127.0)
    return UNIT if high <= 2 else BYTES
