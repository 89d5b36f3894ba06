"""The four outputs of TFLite_Detection_PostProcess, in every order they come in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgechain.spec.tensor import TensorSpec
from edgechain.vision.decode_ssd import ssd_decoder
from edgechain.vision.fit import Geometry
from edgechain.vision.labels import Labels, labels_of
from tests.vision.made import spec

LABELS = labels_of(["person", "bicycle", "car"])
PAGE = Geometry(200, 100)

# boxes, classes, scores, count: the op's own order
SHAPES = [(1, 3, 4), (1, 3), (1, 3), (1,)]
VALUES = [
    np.array([[[0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 1.0, 1.0], [0.3, 0.3, 0.4, 0.4]]], np.float32),
    np.array([[2, 0, 7]], np.float32),
    np.array([[0.75, 0.5, 0.25]], np.float32),
    np.array([3], np.float32),
]
ORDERS = list(itertools.permutations(range(4)))
FOUND = [("car", 0.75), ("person", 0.5), ("class 7", 0.25)]


def found(order: tuple[int, ...], specs: list[TensorSpec]) -> list[tuple[str, float]]:
    decoder = ssd_decoder(specs, LABELS)
    assert decoder is not None
    items = decoder.decode([VALUES[at] for at in order], PAGE, 0.1).items
    return [(item.label, item.score) for item in items]


@pytest.mark.parametrize("order", ORDERS)
def test_the_names_of_the_op_say_the_order(order: tuple[int, ...]) -> None:
    ends = ["", ":1", ":2", ":3"]
    specs = [spec(*SHAPES[at], name=f"TFLite_Detection_PostProcess{ends[at]}") for at in order]
    assert found(order, specs) == FOUND


@pytest.mark.parametrize("order", ORDERS)
def test_shapes_and_values_say_the_order(order: tuple[int, ...]) -> None:
    specs = [spec(*SHAPES[at], name=f"Identity_{i}") for i, at in enumerate(order)]
    assert found(order, specs) == FOUND


def test_unstated_sizes_are_enough() -> None:
    specs = [spec(-1, -1, 4), spec(-1, -1), spec(-1, -1), spec(-1)]
    assert found((0, 1, 2, 3), specs) == FOUND


def test_sides_become_pixels_exactly() -> None:
    decoder = ssd_decoder([spec(*shape) for shape in SHAPES], LABELS)
    assert decoder is not None
    box = decoder.decode(VALUES, PAGE, 0.6).items[0].box
    ymin, xmin, ymax, xmax = (float(side) for side in VALUES[0][0, 0])
    assert box == (xmin * 200, ymin * 100, xmax * 200, ymax * 100)


def test_only_what_is_filled_and_strong_enough_counts() -> None:
    decoder = ssd_decoder([spec(*shape) for shape in SHAPES], LABELS)
    assert decoder is not None
    two = [*VALUES[:3], np.array([2], np.float32)]
    assert len(decoder.decode(two, PAGE, 0.1).items) == 2
    assert [item.score for item in decoder.decode(VALUES, PAGE, 0.5).items] == [0.75, 0.5]


def test_a_list_with_a_background_begins_after_it() -> None:
    decoder = ssd_decoder([spec(*shape) for shape in SHAPES], labels_of(["???", "person"]))
    assert decoder is not None
    assert decoder.decode(VALUES, PAGE, 0.5).items[1].label == "person"


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 3, 4), (1, 3), (1, 3)],
        [(1, 3, 5), (1, 3), (1, 3), (1,)],
        [(1, 3, 4), (1, 3), (1, 3), (1, 3)],
        [(1, 8, 8, 1)] * 4,
    ],
)
def test_other_outputs_are_none_of_its(shapes: list[tuple[int, ...]]) -> None:
    assert ssd_decoder([spec(*shape) for shape in shapes], Labels()) is None
