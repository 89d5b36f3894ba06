"""Pictures onto inputs, and boxes back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgechain.vision.fit import GREY, Fit, Geometry, place, resize
from tests.vision.made import picture

sides = st.integers(1, 3000)
coordinate = st.floats(-0.5, 1.5)


@given(sides, sides, st.integers(8, 640), st.integers(8, 640), st.tuples(*[coordinate] * 4))
def test_a_letterbox_and_back_is_where_it_was(
    wide: int, tall: int, width: int, height: int, fractions: tuple[float, ...]
) -> None:
    image = np.broadcast_to(np.zeros(3, np.uint8), (tall, wide, 3))
    _, geometry = place(image, width, height, Fit.LETTERBOX)
    boxes = np.array([fractions], np.float64) * np.array([wide, tall, wide, tall], np.float64)
    back = geometry.to_picture(geometry.to_input(boxes))
    np.testing.assert_allclose(back, boxes, atol=1e-6 * max(wide, tall))


@given(sides, sides, st.integers(8, 320), st.integers(8, 320))
def test_the_corners_of_a_letterboxed_picture_are_the_pixels_painted(
    wide: int, tall: int, width: int, height: int
) -> None:
    image = np.broadcast_to(np.full(3, 255, np.uint8), (tall, wide, 3))
    placed, geometry = place(image, width, height, Fit.LETTERBOX)
    left, top, right, bottom = np.rint(
        geometry.to_input(np.array([[0.0, 0.0, wide, tall]], np.float64))[0]
        * [width, height, width, height]
    ).astype(int)
    expected = np.full((height, width, 3), GREY, np.uint8)
    expected[top:bottom, left:right] = 255
    np.testing.assert_array_equal(placed, expected)


def test_a_letterbox_keeps_the_shape_and_centres() -> None:
    placed, geometry = place(picture(1080, 810), 640, 640, Fit.LETTERBOX)
    assert placed.shape == (640, 640, 3)
    assert geometry == Geometry(810, 1080, 80 / 640, 0.0, 480 / 640, 1.0)


def test_a_stretched_box_is_exactly_the_fraction_of_the_picture() -> None:
    _, geometry = place(picture(33, 47), 300, 300, Fit.STRETCH)
    box = np.array([[0.1, 0.2, 0.7, 0.9]])
    assert geometry.to_picture(box).tolist() == [[0.1 * 47, 0.2 * 33, 0.7 * 47, 0.9 * 33]]


def test_shrinking_takes_the_mean_of_an_area() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::8] = 255
    assert set(np.unique(resize(stripes, 8, 8))) == {32}


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    image = picture(30, 40)
    assert resize(image, 40, 30) is image
