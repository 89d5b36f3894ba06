"""Findings painted on a picture, readable at any size.

Lines and letters grow with the picture's shorter side. A class has one colour for ever. Letters
are OpenCV's own (Hershey), which are ASCII: accents are dropped, other scripts become ``?``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from edgechain.vision.findings import Box, Finding, Findings
from edgechain.vision.fit import Picture
from edgechain.vision.opencv import cv2

Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GOLDEN_ANGLE = 137.508
"""Degrees; hues this far apart stay distinct however many there are."""

_FONT_HEIGHT = 22
"""Pixels of a capital letter of Hershey Simplex at scale 1."""


@dataclass(frozen=True, slots=True)
class _Pen:
    """Sizes in pixels that fit one picture."""

    line: int
    scale: float
    stroke: int
    pad: int

    @classmethod
    def fitting(cls, picture: Picture) -> _Pen:
        short = min(picture.shape[:2])
        # A capital letter takes 1/45 of the shorter side; below 9 pixels it cannot be read.
        letter = max(9.0, short / 45)
        scale = letter / _FONT_HEIGHT
        return cls(max(1, round(short / 250)), scale, max(1, round(scale * 1.6)), round(letter / 3))

    def size(self, text: str) -> tuple[int, int, int]:
        """Width, height above the base line and depth below it."""
        (width, height), depth = cv2.getTextSize(text, _FONT, self.scale, self.stroke)
        return width, height, depth


def draw(picture: Picture, findings: Findings) -> Picture:
    """A copy of the picture with boxes and labels, or with a list of classes in its corner."""
    canvas = picture.copy()
    pen = _Pen.fitting(canvas)
    boxed = [item for item in findings.items if item.box is not None]
    for item in reversed(boxed):  # the best is painted last, over the others
        _draw_box(canvas, pen, item)
    taken: list[tuple[int, int, int, int]] = []
    for item in boxed:
        _draw_label(canvas, pen, item, taken)
    _draw_list(canvas, pen, [item for item in findings.items if item.box is None])
    return canvas


def colour_of(number: int) -> Colour:
    """The colour of a class, RGB: bright enough for a dark picture, strong on a light one."""
    hue = round(number * _GOLDEN_ANGLE % 360 / 2)
    pixel = cv2.cvtColor(np.array([[[hue, 190, 235]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    red, green, blue = (int(value) for value in pixel)
    return red, green, blue


def _draw_box(canvas: Picture, pen: _Pen, item: Finding) -> None:
    x1, y1, x2, y2 = _inside(item.box, canvas)
    if pen.line > 1:  # on a small picture a black rim would hide more than it helps
        cv2.rectangle(canvas, (x1, y1), (x2, y2), (0, 0, 0), pen.line + 2)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour_of(item.number), pen.line)


def _draw_label(
    canvas: Picture, pen: _Pen, item: Finding, taken: list[tuple[int, int, int, int]]
) -> None:
    """The label on its box's upper edge, moved down until it hides no label painted before."""
    text = _ascii(f"{item.short_label} {item.score:.2f}")
    width, height, depth = pen.size(text)
    wide, tall = width + 2 * pen.pad, height + depth + 2 * pen.pad
    x, top, _, _ = _inside(item.box, canvas)
    x = max(0, min(x, canvas.shape[1] - wide))
    y = top - tall if top >= tall else top
    while y + 2 * tall <= canvas.shape[0] and any(_meet((x, y, wide, tall), t) for t in taken):
        y += tall
    taken.append((x, y, wide, tall))
    _plate(canvas, pen, (x, y), text, colour_of(item.number))


def _draw_list(canvas: Picture, pen: _Pen, items: list[Finding]) -> None:
    y = pen.pad
    for item in items:
        text = _ascii(f"{item.short_label} {item.score:.2f}")
        _plate(canvas, pen, (pen.pad, y), text, colour_of(item.number))
        _, height, depth = pen.size(text)
        y += height + depth + 2 * pen.pad


def _plate(canvas: Picture, pen: _Pen, corner: tuple[int, int], text: str, ground: Colour) -> None:
    """Text on a coloured ground, its upper left at ``corner``; black or white, whichever reads."""
    width, height, depth = pen.size(text)
    x, y = corner
    end = (x + width + 2 * pen.pad - 1, y + height + depth + 2 * pen.pad - 1)
    cv2.rectangle(canvas, corner, end, ground, cv2.FILLED)
    red, green, blue = ground
    ink = (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else (255, 255, 255)
    base = (x + pen.pad, y + pen.pad + height)
    cv2.putText(canvas, text, base, _FONT, pen.scale, ink, pen.stroke, cv2.LINE_AA)


def _inside(box: Box | None, canvas: Picture) -> tuple[int, int, int, int]:
    """The box in whole pixels, kept inside the picture; a broken number counts as 0."""
    tall, wide = canvas.shape[:2]
    sides = np.nan_to_num(np.array(box or (0, 0, 0, 0)), posinf=wide + tall, neginf=0)
    limits = np.array([wide - 1, tall - 1] * 2)
    x1, y1, x2, y2 = (int(side) for side in np.clip(np.rint(sides), 0, limits))
    return x1, y1, x2, y2


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    (x, y, wide, tall), (u, v, width, height) = one, other
    return x < u + width and u < x + wide and y < v + height and v < y + tall


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    kept = (char for char in plain if not unicodedata.combining(char))
    return "".join(char if char.isascii() else "?" for char in kept)
