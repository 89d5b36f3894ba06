from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edgechain.errors import InvalidModel, NotEqual
from edgechain.model.verify import Array, Part, compare, difference_of


class Fake:
    """A model that adds a number, and counts how often it was closed."""

    def __init__(self, content: bytes) -> None:
        self.add = int(content)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        if inputs[0][0] < 0:
            raise InvalidModel("the model failed while running")
        return [inputs[0] + np.float32(self.add)]

    def close(self) -> None:
        closed.append(self.add)


closed: list[int] = []
WHOLE = Part("whole", b"3", ("x",), ("y",))
SAMPLE = {"x": np.array([1, 2], np.float32)}


def test_equal_parts_are_equal_and_every_model_is_closed() -> None:
    closed.clear()
    parts = [Part("a", b"1", ("x",), ("m",)), Part("b", b"2", ("m",), ("y",))]
    found = compare(WHOLE, parts, [SAMPLE, SAMPLE], Fake)
    assert found.equal
    assert found.shapes == {"x": ((2,), (2,)), "m": ((2,), (2,)), "y": ((2,), (2,))}
    assert closed == [3, 1, 2]


def test_the_first_difference_is_named() -> None:
    found = compare(WHOLE, [Part("a", b"4", ("x",), ("y",))], [SAMPLE], Fake)
    with pytest.raises(
        NotEqual, match=r"run 0, output 'y'\[0\]: the whole model gives 4.0, the chain 5"
    ):
        found.require_equal()


def test_a_failing_part_is_named() -> None:
    bad = {"x": np.array([-1.0], np.float32)}
    with pytest.raises(InvalidModel, match="the whole model: the model failed"):
        compare(WHOLE, [], [bad], Fake)


def test_equality_is_of_bits() -> None:
    zero, minus = np.array([0.0], np.float32), np.array([-0.0], np.float32)
    assert difference_of(0, "y", zero, minus) is not None
    nan = np.array([np.nan], np.float32)
    assert difference_of(0, "y", nan, nan.copy()) is None
    other = nan.copy()
    other.view(np.uint32)[0] += 1
    assert difference_of(0, "y", nan, other) is not None


def test_other_shapes_and_types_differ() -> None:
    a = np.zeros((2, 3), np.float32)
    found = difference_of(4, "y", a, a[:1])
    assert found is not None
    assert "float32 [2, 3], the chain float32 [1, 3]" in str(found)
    assert difference_of(0, "y", a, a.astype(np.float64)) is not None
    assert difference_of(0, "y", a[:0], a[:0]) is None


def test_the_place_of_a_difference_is_its_index() -> None:
    a = np.zeros((2, 3), np.int16)
    b = a.copy()
    b[1, 2] = 7
    found = difference_of(0, "y", a, b)
    assert found is not None
    assert (found.place, found.whole, found.chain, found.elements) == ((1, 2), "0", "7", 1)
