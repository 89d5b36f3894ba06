"""Tensors: dtype, shape, quantisation, size, and what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edgechain.spec.tensor import MAX_RANK, MAX_TENSOR_BYTES, DType, Quantization, TensorSpec


def spec(shape: tuple[int, ...], dtype: DType = DType.FLOAT32, **more: Any) -> TensorSpec:
    return TensorSpec(name="t", dtype=dtype, shape=shape, **more)


@pytest.mark.parametrize("dtype", DType)
def test_a_dtype_is_numpys(dtype: DType) -> None:
    assert dtype.numpy == np.dtype(dtype.value)
    assert dtype.numpy.name == dtype.value
    assert dtype.itemsize == np.dtype(dtype.value).itemsize


@pytest.mark.parametrize("name", ["string", "int4", "resource", "variant", "bfloat16", ""])
def test_types_without_a_fixed_size_cannot_cross(name: str) -> None:
    with pytest.raises(ValidationError):
        TensorSpec(name="t", dtype=name, shape=(1,))


@pytest.mark.parametrize(
    ("shape", "nbytes"), [((), 4), ((1,), 4), ((1, 640, 640, 3), 4_915_200), ((0, 8), 0)]
)
def test_a_static_shape_says_its_bytes(shape: tuple[int, ...], nbytes: int) -> None:
    assert spec(shape).max_bytes == nbytes
    assert not spec(shape).is_dynamic


def test_a_dynamic_shape_is_bounded() -> None:
    tensor = spec((-1, 4), bound_bytes=160)
    assert tensor.is_dynamic
    assert tensor.max_bytes == 160


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"shape": (-1, 4)}, "dynamic shape but no bound_bytes"),
        ({"shape": (1, 4), "bound_bytes": 16}, "static shape: bound_bytes is implied"),
        ({"shape": (-2,)}, "greater than or equal to -1"),
        ({"shape": (1,) * (MAX_RANK + 1)}, "at most 8 items"),
        ({"shape": (1 << 20, 1 << 20)}, "larger than TFLite can hold"),
        ({"shape": (MAX_TENSOR_BYTES + 1,)}, "less than or equal to"),
        ({"shape": (-1,), "bound_bytes": MAX_TENSOR_BYTES + 1}, "less than or equal to"),
        ({"shape": (-1,), "bound_bytes": 0}, "greater than or equal to 1"),
        ({"shape": (1,), "name": ""}, "at least 1 character"),
        ({"shape": (1,), "name": "x" * 1025}, "at most 1024 characters"),
        ({"shape": (1,), "colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_refused_at_birth(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        TensorSpec(**({"name": "t", "dtype": "float32"} | fields))


def test_a_spec_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(spec((1,)), "name", "u")  # noqa: B010 - what mypy would refuse


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"scales": (0.5, 0.25), "zero_points": (0,)}, "as many zero points as scales"),
        ({"scales": (), "zero_points": ()}, "at least 1 item"),
        ({"scales": (0.5,), "zero_points": (0,), "axis": MAX_RANK}, "less than 8"),
        ({"scales": (0.5,), "zero_points": (0,), "axis": -1}, "greater than or equal to 0"),
    ],
)
def test_a_quantisation_refused_at_birth(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Quantization(**fields)


@pytest.mark.parametrize(
    ("tensor", "dtype", "shape", "complaint"),
    [
        (spec((1, 2)), "float32", (1, 2), None),
        (spec(()), "float32", (), None),
        (spec((-1, 2), bound_bytes=16), "float32", (2, 2), None),
        (spec((-1, 2), bound_bytes=16), "float32", (0, 2), None),
        (spec((1, 2)), "int8", (1, 2), "is int8, wants float32"),
        (spec((1, 2)), "float32", (2, 1), "has shape 2x1, wants 1x2"),
        (spec((1, 2)), "float32", (1, 2, 1), "has shape 1x2x1, wants 1x2"),
        (spec((1, 2)), "float32", (), "has shape scalar, wants 1x2"),
        (spec(()), "float32", (1,), "has shape 1, wants scalar"),
        (spec((-1, 2), bound_bytes=16), "float32", (3, 3), "has shape 3x3, wants ?x2"),
        (
            spec((-1, 2), bound_bytes=16),
            "float32",
            (3, 2),
            "has shape 3x2, more than the 16 bytes this chain allows",
        ),
        (spec((-1,), bound_bytes=16), "float32", (-1,), "has shape -1, wants ?"),
    ],
)
def test_misfit(
    tensor: TensorSpec, dtype: str, shape: tuple[int, ...], complaint: str | None
) -> None:
    assert tensor.misfit(dtype, shape) == complaint


@pytest.mark.parametrize(
    ("tensor", "shape", "nbytes", "complaint"),
    [
        (spec((1, 2)), (1, 2), 8, None),
        (spec(()), (), 4, None),
        (spec((0, 2)), (0, 2), 0, None),
        (spec((-1, 2), bound_bytes=16), (2, 2), 16, None),
        (spec((-1, 2), bound_bytes=16), (0, 2), 0, None),
        (spec((1, 2)), (1, 2), 9, "is not as large as its shape"),
        (spec((1, 2)), (1, 2), 0, "is not as large as its shape"),
        (spec((-1, 2), bound_bytes=16), (1, 2), 16, "is not as large as its shape"),
        (spec((1, 2)), (2, 1), 8, "has shape 2x1, wants 1x2"),
        (
            spec((-1, 2), bound_bytes=16),
            (3, 2),
            24,
            "has shape 3x2, more than the 16 bytes this chain allows",
        ),
        (spec((-1,), bound_bytes=16), (-1,), -4, "has shape -1, wants ?"),
    ],
)
def test_so_many_bytes_of_a_shape(
    tensor: TensorSpec, shape: tuple[int, ...], nbytes: int, complaint: str | None
) -> None:
    assert tensor.misfit_bytes(shape, nbytes) == complaint


def test_what_was_asked_of_a_spec_does_not_change_it() -> None:
    asked, fresh = spec((1, 3)), spec((1, 3))
    assert asked.exact == ((1, 3), 12)
    assert spec((-1, 3), bound_bytes=24).exact is None
    assert (asked.nbytes((1, 3)), spec((-1, 3), bound_bytes=24).nbytes((2, 3))) == (12, 24)
    assert (asked, hash(asked), asked.model_dump()) == (fresh, hash(fresh), fresh.model_dump())


dimensions = st.integers(min_value=-1, max_value=5)


@given(
    st.lists(dimensions, max_size=4).map(tuple),
    st.lists(st.integers(min_value=0, max_value=5), max_size=4).map(tuple),
)
def test_what_fits_never_takes_more_than_its_bound(
    wanted: tuple[int, ...], given_: tuple[int, ...]
) -> None:
    tensor = spec(wanted, bound_bytes=64 if -1 in wanted else None)
    if tensor.misfit("float32", given_) is None:
        assert np.zeros(given_, np.float32).nbytes <= tensor.max_bytes
        assert all(w in (-1, g) for w, g in zip(wanted, given_, strict=True))
    else:
        assert tensor.is_dynamic or wanted != given_
