"""Specs and files made for tests."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgechain.spec.tensor import DType, Quantization, TensorSpec


def spec(
    *shape: int,
    dtype: str = "float32",
    scale: float | None = None,
    zero: int = 0,
    name: str = "t",
) -> TensorSpec:
    quantization = None if scale is None else Quantization(scales=(scale,), zero_points=(zero,))
    bound = 1 << 20 if -1 in shape else None
    return TensorSpec(
        name=name, dtype=DType(dtype), shape=shape, quantization=quantization, bound_bytes=bound
    )


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(suffix: str, image: NDArray[Any]) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data.tobytes())


def turned(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that says how it is to be turned."""
    entry = struct.pack("<HHII", 0x0112, 3, 1, orientation)
    body = b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]
