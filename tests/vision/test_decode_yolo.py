"""YOLO's one output in both layouts, float and quantised."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.vision.decode_yolo import YoloDecoder, yolo_decoder
from edgechain.vision.fit import Geometry
from edgechain.vision.labels import Labels, labels_of
from tests.vision.made import spec

LABELS = labels_of(["red", "green", "blue"])
PAGE = Geometry(100, 50)


def table(places: int = 20) -> NDArray[np.float32]:
    """(4 + 3, places): two boxes of one thing, one of another, and nothing."""
    rows = np.zeros((7, places), np.float32)
    rows[:, 3] = [0.5, 0.5, 0.25, 0.5, 0.0, 0.75, 0.25]
    rows[:, 4] = [0.5, 0.5, 0.25, 0.5, 0.0, 0.5, 0.0]
    rows[:, 9] = [0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 1.0]
    return rows


def decoder(*shape: int, labels: Labels = LABELS, **kinds: object) -> YoloDecoder:
    made = yolo_decoder([spec(*shape, **kinds)], labels, (64, 64))  # type: ignore[arg-type]
    assert made is not None
    return made


EXPECTED = [("blue", 1.0, (12.5, 6.25, 37.5, 18.75)), ("green", 0.75, (37.5, 12.5, 62.5, 37.5))]


def found(made: YoloDecoder, output: NDArray[np.generic]) -> list[tuple[str, float, object]]:
    items = made.decode([output], PAGE, 0.25).items
    return [(item.label, item.score, item.box) for item in items]


def test_rows_first() -> None:
    assert found(decoder(1, 7, 20), table()[np.newaxis]) == EXPECTED


def test_places_first() -> None:
    assert found(decoder(1, 20, 7), table().T[np.newaxis]) == EXPECTED


def test_labels_tell_rows_from_fewer_places() -> None:
    # Five places, seven rows: without labels the larger side would be the places.
    assert decoder(1, 7, 5).rows_first
    assert not decoder(1, 7, 5, labels=Labels()).rows_first


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 0), ("int8", -128)])
def test_quantised_outputs_are_real_numbers(dtype: str, zero: int) -> None:
    stored = (np.rint(table() * 256).clip(0, 255) + zero).astype(dtype)[np.newaxis]
    made = decoder(1, 7, 20, dtype=dtype, scale=1 / 256, zero=zero)
    assert found(made, stored) == [("blue", 255 / 256, EXPECTED[0][2]), EXPECTED[1]]


def test_sides_in_pixels_of_the_input() -> None:
    pixels = table()
    pixels[:4] *= 64
    assert found(decoder(1, 7, 20), pixels[np.newaxis]) == EXPECTED


def test_an_empty_picture() -> None:
    assert found(decoder(1, 7, 20), np.zeros((1, 7, 20), np.float32)) == []


def test_boxes_are_of_the_picture_and_not_of_the_letterbox() -> None:
    made = decoder(1, 7, 20)
    half = Geometry(100, 50, left=0.0, top=0.25, width=1.0, height=0.5)
    box = made.decode([table()[np.newaxis]], half, 0.9).items[0].box
    assert box == (12.5, -12.5, 37.5, 12.5)


@pytest.mark.parametrize("shape", [(1, 300, 6), (1, 6, 56), (1, 4, 100), (2, 7, 20), (1, 10)])
def test_other_outputs_are_none_of_its(shape: tuple[int, ...]) -> None:
    assert yolo_decoder([spec(*shape)], LABELS, (64, 64)) is None
