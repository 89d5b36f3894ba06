"""Class scores: probabilities as they are, logits through the softmax."""

from __future__ import annotations

import numpy as np
import pytest

from edgechain.vision.decode_classes import class_decoder
from edgechain.vision.fit import Geometry
from edgechain.vision.labels import labels_of
from tests.vision.made import spec

LABELS = labels_of(["cat", "dog", "cow"])
PAGE = Geometry(10, 10)


def found(values: object, threshold: float = 0.1, **kinds: object) -> list[tuple[str, float]]:
    array = np.array(values, kinds.get("dtype", "float32"))  # type: ignore[call-overload]
    decoder = class_decoder([spec(*array.shape, **kinds)], LABELS)  # type: ignore[arg-type]
    assert decoder is not None
    return [(item.label, item.score) for item in decoder.decode([array], PAGE, threshold).items]


def test_a_distribution_is_taken_as_it_is() -> None:
    assert found([[0.25, 0.75, 0.0]]) == [("dog", 0.75), ("cat", 0.25)]


def test_sigmoids_are_taken_as_they_are() -> None:
    assert found([[0.5, 0.75, 0.875]])[0] == ("cow", 0.875)


def test_logits_get_the_softmax() -> None:
    (label, score), *_ = found([[0.0, 3.0, -3.0]])
    assert label == "dog"
    assert score == pytest.approx(np.exp(3) / (1 + np.exp(3) + np.exp(-3)))


def test_large_logits_do_not_overflow() -> None:
    assert found([[0.0, 3e4, 0.0]]) == [("dog", 1.0)]


def test_quantised_probabilities() -> None:
    assert found([[64, 192, 0]], dtype="uint8", scale=1 / 256) == [("dog", 0.75), ("cat", 0.25)]
    assert found([[-64, 64, -128]], dtype="int8", scale=1 / 256, zero=-128)[0] == ("dog", 0.75)


def test_quantised_logits_get_the_softmax_even_when_small() -> None:
    (_, score), *_ = found([[10, 11, 10]], dtype="uint8", scale=0.1, zero=10)
    assert score == pytest.approx(np.exp(0.1) / (2 + np.exp(0.1)))


def test_the_best_five_above_the_threshold() -> None:
    array = np.linspace(0.1, 1, 10, dtype=np.float32)[np.newaxis]
    decoder = class_decoder([spec(1, 10)], LABELS)
    assert decoder is not None
    found_items = decoder.decode([array], PAGE, 0.01).items
    assert [item.number for item in found_items] == [9, 8, 7, 6, 5]
    assert found_items[0].label == "class 9"
    assert len(decoder.decode([array], PAGE, 0.85).items) == 2


@pytest.mark.parametrize("shape", [(1, 10), (-1, 10), (1, 1, 1, 10), (1, 1, 10)])
def test_shapes_of_scores(shape: tuple[int, ...]) -> None:
    assert class_decoder([spec(*shape)], LABELS) is not None


@pytest.mark.parametrize("shape", [(10,), (1, 1), (2, 10), (1, 8, 8, 21), (1, -1)])
def test_other_outputs_are_none_of_its(shape: tuple[int, ...]) -> None:
    assert class_decoder([spec(*shape)], LABELS) is None
