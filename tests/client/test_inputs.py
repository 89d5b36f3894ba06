"""What a caller gives is taken by signature or tensor name, or refused with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.client.inputs import check_inputs
from edgechain.errors import InvalidInput
from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.tensor import DType, TensorSpec

Array = NDArray[Any]


def chain(*specs: TensorSpec, names: tuple[str, ...]) -> ChainManifest:
    """One stage that takes these tensors, under these names of the signature."""
    given = tuple(spec.name for spec in specs)
    out = TensorSpec(name="y", dtype=DType.INT8, shape=())
    return ChainManifest.sealed(
        name="c",
        inputs=tuple(Port(tensor=t, name=n) for t, n in zip(given, names, strict=True)),
        outputs=(Port(tensor="y", name="y"),),
        stages=(Stage(name="s", inputs=given, outputs=("y",), actor="m:C"),),
        edges=(
            *(Edge(tensor=spec, targets=("s",)) for spec in specs),
            Edge(tensor=out, source="s", to_client=True),
        ),
    )


def spec(name: str, *shape: int, dtype: DType = DType.UINT8, most: int | None = None) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape, bound_bytes=most)


ONE = chain(spec("t:0", 2, 3), names=("image",))
TWO = chain(spec("a", 2), spec("b", 3, dtype=DType.FLOAT32), names=("b", "second"))
IMAGE = np.arange(6, dtype=np.uint8).reshape(2, 3)


@pytest.mark.parametrize("given", [{"image": IMAGE}, {"t:0": IMAGE}, IMAGE])
def test_names_of_the_signature_and_of_the_tensor(given: dict[str, Array] | Array) -> None:
    np.testing.assert_array_equal(check_inputs(ONE, given)[0], IMAGE)


def test_the_signatures_name_wins_over_a_tensor_of_the_same_name() -> None:
    """``b`` is what the signature calls tensor ``a``."""
    first, second = np.zeros(2, np.uint8), np.ones(3, np.float32)
    found = check_inputs(TWO, {"b": first, "second": second})
    assert (found[0] is first, found[1] is second) == (True, True)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"imag": IMAGE}, "no input 'imag'; did you mean 'image'?"),
        ({"zzz": IMAGE}, "no input 'zzz'; it takes 'image'"),
        ({}, "input 'image' is missing"),
        ({"image": IMAGE[:1]}, "input 'image' has shape 1x3, wants 2x3"),
        ({"image": IMAGE[0]}, "has shape 3, wants 2x3"),
        ({"image": IMAGE.astype(np.float32)}, "input 'image' is float32, wants uint8"),
        ({"image": np.array(["text"])}, "is <U4, wants uint8"),
        ({"image": IMAGE.astype(">u2")}, "wants uint8"),
    ],
)
def test_what_does_not_fit(given: dict[str, Array], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_inputs(ONE, given)
    assert reason in str(caught.value)


def test_a_bare_array_needs_a_chain_with_one_input() -> None:
    with pytest.raises(InvalidInput, match="several inputs; name them: b, second"):
        check_inputs(TWO, IMAGE)


def test_bytes_lie_in_order_and_big_endian_is_refused() -> None:
    turned = check_inputs(ONE, np.asfortranarray(IMAGE))[0]
    assert turned.tobytes() == IMAGE.tobytes()
    assert turned.flags.c_contiguous
    wide = chain(spec("x", 2, dtype=DType.INT32), names=("x",))
    with pytest.raises(InvalidInput, match="wants int32"):
        check_inputs(wide, np.array([1, 2], ">i4"))


def test_scalars_stay_scalars() -> None:
    scalar = chain(spec("x", dtype=DType.FLOAT32), names=("x",))
    assert check_inputs(scalar, np.array(1.5, np.float32))[0].shape == ()


@pytest.mark.parametrize(("rows", "fits"), [(0, True), (1, True), (4, True), (5, False)])
def test_open_dimensions_are_bounded(rows: int, *, fits: bool) -> None:
    open_batch = chain(spec("x", -1, 3, most=12), names=("x",))
    given = np.zeros((rows, 3), np.uint8)
    if fits:
        assert check_inputs(open_batch, given)[0].shape == (rows, 3)
    else:
        with pytest.raises(InvalidInput, match="more than the 12 bytes this chain allows"):
            check_inputs(open_batch, given)
