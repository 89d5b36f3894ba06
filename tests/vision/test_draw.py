"""Drawing: never on the original, never outside, at any size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgechain.vision.draw import colour_of, draw
from edgechain.vision.findings import Box, Finding, Findings, Kind
from tests.vision.made import picture


def boxed(*boxes: Box, label: str = "person") -> Findings:
    return Findings(
        Kind.DETECTIONS, tuple(Finding(label, 0.5, n, box) for n, box in enumerate(boxes))
    )


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (40, 300), (300, 40), (1080, 810)])
def test_any_size_and_any_box(size: tuple[int, int]) -> None:
    image = picture(*size)
    kept = image.copy()
    wild = boxed((-5.0, -9e9, 1e30, 3.0), (math.nan, 0.0, math.inf, 1.0), (5.0, 5.0, 1.0, 1.0))
    drawn = draw(image, wild)
    assert drawn.shape == image.shape
    np.testing.assert_array_equal(image, kept)


def test_a_box_is_drawn_where_it_is_and_nowhere_else() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    drawn = draw(image, boxed((100.0, 80.0, 200.0, 150.0)))
    assert tuple(drawn[150, 180]) == colour_of(0)
    assert not drawn[160:].any()
    assert not drawn[:, 205:].any()
    assert not drawn[90:140, 110:190].any()


def test_labels_of_one_place_do_not_hide_each_other() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    drawn = draw(image, boxed((50.0, 80.0, 200.0, 150.0), (50.0, 80.0, 200.0, 150.0)))
    painted = {tuple(pixel) for pixel in drawn[60:120, 52:60].reshape(-1, 3).tolist()}
    assert {colour_of(0), colour_of(1)} <= painted


def test_classes_are_listed() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    items = (Finding("cat", 0.9, 1), Finding("Müller 猫", 0.1, 2))
    drawn = draw(image, Findings(Kind.CLASSES, items))
    assert {colour_of(1), colour_of(2)} <= {tuple(p) for p in drawn.reshape(-1, 3).tolist()}


def test_nothing_found_changes_nothing() -> None:
    image = picture(50, 60)
    np.testing.assert_array_equal(draw(image, boxed()), image)


def test_a_class_has_one_colour_and_neighbours_differ() -> None:
    assert colour_of(7) == colour_of(7)
    colours = [colour_of(n) for n in range(12)]
    for at, one in enumerate(colours):
        for other in colours[:at]:
            assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 25
