"""Input values for every kind of input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.spec.tensor import TensorSpec
from edgechain.vision.fit import Fit
from edgechain.vision.prepare import SYMMETRIC, UNIT, Range, preparation_for
from tests.vision.made import picture, spec

RAMP = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)


def value_of(tensor: TensorSpec, floats: Range = SYMMETRIC) -> NDArray[Any]:
    plan = preparation_for(tensor, fit=Fit.STRETCH, floats=floats)
    value, _ = plan.prepare(RAMP)
    assert tensor.misfit(value.dtype.name, value.shape) is None
    channel: NDArray[Any] = value[0, ..., 0].reshape(-1)
    return channel


@pytest.mark.parametrize("quantized", [{}, {"scale": 1 / 128, "zero": 128}, {"scale": 1 / 255}])
def test_uint8_is_the_pixels(quantized: dict[str, float]) -> None:
    tensor = spec(1, 16, 16, 3, dtype="uint8", **quantized)  # type: ignore[arg-type]
    assert value_of(tensor).tolist() == list(range(256))


@pytest.mark.parametrize(
    ("scale", "zero"), [(1 / 255, -128), (1.0, -128), (2 / 255, 0), (0.0078125, 0), (1.0, 0)]
)
def test_int8_covers_its_range_in_order(scale: float, zero: int) -> None:
    value = value_of(spec(1, 16, 16, 3, dtype="int8", scale=scale, zero=zero)).astype(int)
    np.testing.assert_allclose(value, np.arange(256) - 128, atol=1)


def test_int8_of_the_unit_range_is_the_pixel_less_128() -> None:
    value = value_of(spec(1, 16, 16, 3, dtype="int8", scale=1 / 255, zero=-128))
    assert value.tolist() == list(range(-128, 128))


def test_int8_without_quantisation_is_the_pixel_less_128() -> None:
    assert value_of(spec(1, 16, 16, 3, dtype="int8")).tolist() == list(range(-128, 128))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_float_is_what_the_family_was_trained_with(dtype: str) -> None:
    unit = value_of(spec(1, 16, 16, 3, dtype=dtype), UNIT)
    np.testing.assert_array_equal(unit, (np.arange(256) / 255).astype(dtype))
    symmetric = value_of(spec(1, 16, 16, 3, dtype=dtype), SYMMETRIC)
    assert (symmetric[0], symmetric[-1]) == (-1, 1)


def test_int16_follows_its_scale() -> None:
    value = value_of(spec(1, 16, 16, 3, dtype="int16", scale=1 / 32767))
    assert (value[0], value[-1]) == (-32767, 32767)


def test_a_dynamic_batch_is_one() -> None:
    plan = preparation_for(spec(-1, 8, 8, 3), fit=Fit.STRETCH, floats=UNIT)
    assert plan.prepare(picture(9, 9))[0].shape == (1, 8, 8, 3)


def test_one_channel_is_the_luma() -> None:
    plan = preparation_for(spec(1, 4, 4, 1, dtype="uint8"), fit=Fit.STRETCH, floats=UNIT)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    value, _ = plan.prepare(red)
    assert value.shape == (1, 4, 4, 1)
    assert set(value.reshape(-1).tolist()) == {76}


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (spec(15600), "a picture is"),
        (spec(1, 3, 224, 224), "channels first"),
        (spec(1, 8, 8, 4), "3 channels"),
        (spec(2, 8, 8, 3), "one picture"),
        (spec(1, -1, -1, 3), "stated size"),
        (spec(1, 8, 8, 3, dtype="int64"), "pictures are"),
    ],
)
def test_what_takes_no_picture_is_refused_in_one_line(tensor: TensorSpec, reason: str) -> None:
    with pytest.raises(InvalidMedia, match=reason) as caught:
        preparation_for(tensor, fit=Fit.STRETCH, floats=UNIT)
    assert "\n" not in str(caught.value)
