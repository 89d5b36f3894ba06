"""Results are put together from chunks, judged by our own manifest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.client.results import Collector, Result
from edgechain.errors import ProtocolError, StageError
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Chunk
from edgechain.transport.packing import pack
from tests.node.doubles import MANIFEST, TENSOR
from tests.runtime.keys import key

KEY: RequestKey = key(0)
BOXES, B = b"\x01\x02\x03\x04", b"\x05\x06\x07\x08"


def piece(
    tensor: str,
    data: bytes,
    offset: int = 0,
    total: int = 4,
    shape: tuple[int, ...] = (1, 4),
) -> Chunk:
    return Chunk(KEY, TENSOR[tensor], offset, total, 1.0, shape, (), memoryview(data))


@given(st.permutations(["boxes", "b"]), st.integers(1, 4), st.integers(1, 4))
def test_tensors_in_any_order_and_any_pieces(order: list[str], first: int, second: int) -> None:
    collector = Collector(MANIFEST)
    wanted = {"boxes": BOXES, "b": B}
    pieces = [
        piece(name, wanted[name][at : at + size], at)
        for name, size in zip(order, (first, second), strict=True)
        for at in range(0, 4, size)
    ]
    ends = [collector.add(one) for one in pieces]
    assert ends == [False] * (len(pieces) - 1) + [True]
    found = collector.outputs()
    assert {name: value.tobytes() for name, value in found.items()} == {
        "output_0": BOXES,
        "output_1": B,
    }
    assert all((str(v.dtype), v.shape) == ("uint8", (1, 4)) for v in found.values())


@pytest.mark.parametrize(
    "chunk",
    [
        piece("boxes", BOXES[1:], 1),
        piece("boxes", BOXES + b"!"),
        piece("boxes", BOXES, total=5),
        piece("boxes", BOXES, shape=(4,)),
        piece("boxes", BOXES, shape=(1, 5), total=5),
        piece("boxes", BOXES, shape=(1 << 30, 4), total=1 << 32),
        replace(piece("boxes", pack(memoryview(BOXES))), packed=True),
        replace(piece("boxes", BOXES), packed=True),
        piece("a", BOXES),
        piece("photo", BOXES),
    ],
    ids=[
        *("no first piece", "too much", "another size", "rank", "shape", "huge", "packed"),
        *("garbage that says it is packed", "inner", "input"),
    ],
)
def test_what_is_not_a_result_of_this_chain(chunk: Chunk) -> None:
    with pytest.raises(ProtocolError):
        Collector(MANIFEST).add(chunk)


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_a_piece_that_comes_twice_or_too_early(offset: int) -> None:
    collector = Collector(MANIFEST)
    collector.add(piece("boxes", BOXES[:2]))
    if offset == 0:
        collector.add(piece("boxes", BOXES[:2]))
        collector.add(piece("boxes", BOXES[2:], 2))
        collector.add(piece("boxes", bytes(len(BOXES))))
        collector.add(piece("b", BOXES))
        assert collector.outputs()["output_0"].tobytes() == bytes(BOXES)
    else:
        with pytest.raises(ProtocolError, match="out of order"):
            collector.add(piece("boxes", b"x", offset))


def test_an_output_that_is_an_input_needs_no_chunk() -> None:
    collector = Collector(MANIFEST)
    value = np.zeros((1, 4), np.uint8)
    collector.give(TENSOR["b"], value)
    assert collector.add(piece("boxes", BOXES))
    assert collector.outputs()["output_1"] is value


def test_a_result_with_an_error_raises_it_when_asked() -> None:
    error = StageError("s", "broken")
    with pytest.raises(StageError) as caught:
        Result(0, 0.0, {}, error)["y"]
    assert caught.value is error
