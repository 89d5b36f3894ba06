"""A picture of any size onto a model's input, and boxes back onto the picture.

SSD and classification networks are trained on pictures stretched to their input, YOLO networks on
pictures that keep their shape on a grey ground (letterbox).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.vision.opencv import cv2

Picture = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

GREY = 114
"""The ground of a letterbox in YOLO's training (``LetterBox`` in the reference code)."""


class Fit(StrEnum):
    """How a picture meets an input of another shape."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"


@dataclass(frozen=True, slots=True)
class Geometry:
    """Which part of the input shows the picture, as fractions of the input, and the picture's size.

    A stretched picture fills the input: left and top are 0, width and height are 1.
    """

    picture_width: int
    picture_height: int
    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def to_picture(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes (N, 4) ``x1, y1, x2, y2`` from fractions of the input to pixels of the picture."""
        start = np.array([self.left, self.top] * 2)
        part = np.array([self.width, self.height] * 2)
        size = np.array([self.picture_width, self.picture_height] * 2, np.float64)
        pixels: NDArray[np.float64] = (boxes - start) / part * size
        return pixels

    def to_input(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of ``to_picture``."""
        start = np.array([self.left, self.top] * 2)
        part = np.array([self.width, self.height] * 2)
        size = np.array([self.picture_width, self.picture_height] * 2, np.float64)
        fractions: NDArray[np.float64] = boxes / size * part + start
        return fractions


def place(picture: Picture, width: int, height: int, fit: Fit) -> tuple[Picture, Geometry]:
    """The picture on an input of ``width`` x ``height`` pixels, and where it lies there."""
    if fit is Fit.STRETCH:
        tall, wide = picture.shape[:2]
        return resize(picture, width, height), Geometry(wide, tall)
    return _letterbox(picture, width, height)


def resize(picture: Picture, width: int, height: int) -> Picture:
    """Stretch to ``width`` x ``height``: the mean of an area when shrinking, bilinear otherwise.

    Bilinear looks at four pixels however far it shrinks. At 810x1080 onto 300x300 that turns the
    bus of the usual test photograph into a truck (0.55 instead of bus 0.72).
    """
    tall, wide = picture.shape[:2]
    if (wide, tall) == (width, height):
        return picture
    shrinks = wide >= width and tall >= height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return _as_picture(cv2.resize(picture, (width, height), interpolation=how))


def _letterbox(picture: Picture, width: int, height: int) -> tuple[Picture, Geometry]:
    tall, wide = picture.shape[:2]
    ratio = min(width / wide, height / tall)
    inner_wide = min(width, max(1, round(wide * ratio)))
    inner_tall = min(height, max(1, round(tall * ratio)))
    left, top = (width - inner_wide) // 2, (height - inner_tall) // 2
    ground = np.full((height, width, 3), GREY, np.uint8)
    ground[top : top + inner_tall, left : left + inner_wide] = resize(
        picture, inner_wide, inner_tall
    )
    shown = Geometry(
        wide, tall, left / width, top / height, inner_wide / width, inner_tall / height
    )
    return ground, shown


def _as_picture(array: Any) -> Picture:
    picture: Picture = np.ascontiguousarray(array, np.uint8)
    return picture
