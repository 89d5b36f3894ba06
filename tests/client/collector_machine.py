"""A client's collector beside a model of it: pieces of results, right and wrong, in any order."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from edgechain.client.results import Collector
from edgechain.errors import ProtocolError
from edgechain.spec.chain import ChainManifest, Edge, Port
from edgechain.spec.message import Chunk
from edgechain.spec.tensor import DType, TensorSpec
from tests.runtime.keys import key
from tests.spec.manifests import stage

OUTPUTS: dict[str, tuple[DType, tuple[int, ...], int | None]] = {
    "boxes": (DType.FLOAT32, (2, 3), None),
    "rows": (DType.UINT16, (-1, 2), 24),
    "flag": (DType.BOOL, (), None),
    "none": (DType.INT8, (0, 3), None),
}
"""Dtype, shape and bound: fixed, open, without a dimension, with nothing in it."""

GIVEN = TensorSpec(name="given", dtype=DType.UINT8, shape=(4,))
MANIFEST = ChainManifest.sealed(
    name="results",
    inputs=(Port(tensor="given", name="given"),),
    outputs=tuple(Port(tensor=name, name=f"the {name}") for name in OUTPUTS),
    stages=(stage("only", ("given",), tuple(OUTPUTS)),),
    edges=(
        Edge(tensor=GIVEN, targets=("only",)),
        *(
            Edge(
                tensor=TensorSpec(name=name, dtype=dtype, shape=shape, bound_bytes=bound),
                source="only",
                to_client=True,
            )
            for name, (dtype, shape, bound) in OUTPUTS.items()
        ),
    ),
)
TENSORS = {MANIFEST.tensor_index[name]: name for name in OUTPUTS}
PIECES = st.tuples(st.sampled_from(sorted(TENSORS)), st.integers(1, 24), st.integers(0, 9))
"""A tensor, how many bytes of it, and whether it begins anew (0)."""

HUGE = 1 << 63


class Collecting(RuleBasedStateMachine):
    """The values are known; pieces of them come, and what is no piece of them is refused.

    A collector that refused something is of no use any more, as its attempt is: a new one begins.
    """

    kind: ClassVar[type[Collector]] = Collector

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
        self.born = 0
        self.begin(3)

    def begin(self, rows: int) -> None:
        self.collector = self.kind(MANIFEST)
        self.born += 1
        self.received = dict.fromkeys(TENSORS, -1)
        self.whole: set[int] = set()
        for tensor, name in TENSORS.items():
            dtype, shape, _ = OUTPUTS[name]
            sizes = tuple(rows if side < 0 else side for side in shape)
            count = int(np.prod(sizes, dtype=int))
            numbers = (np.arange(count) + 17 * self.born + tensor) % 2
            self.values[tensor] = (
                (numbers * (31 + self.born % 7)).astype(dtype.numpy).reshape(sizes)
            )

    def piece(self, tensor: int, at: int, size: int) -> Chunk:
        value = self.values[tensor]
        data = memoryview(value.tobytes()[at : at + size])
        shape = value.shape if at == 0 else ()
        return Chunk(key(0), tensor, at, value.nbytes, 1.0, shape, (), data)

    @rule(rows=st.integers(0, 6))
    def another_attempt(self, rows: int) -> None:
        self.begin(rows)

    @rule(pieces=st.lists(PIECES, min_size=1, max_size=6))
    def the_next_pieces(self, pieces: list[tuple[int, int, int]]) -> None:
        for tensor, size, again in pieces:
            self.the_next_piece(tensor, size, again)

    def the_next_piece(self, tensor: int, size: int, again: int) -> None:
        if tensor in self.whole:
            return
        at = 0 if not again else max(0, self.received[tensor])
        chunk = self.piece(tensor, at, size)
        self.received[tensor] = at + len(chunk.data)
        if self.received[tensor] == chunk.total:
            self.whole.add(tensor)
        assert self.collector.add(chunk) is (len(self.whole) == len(TENSORS))
        if len(self.whole) == len(TENSORS):
            self.is_right()

    def is_right(self) -> None:
        found = self.collector.outputs()
        for tensor, name in TENSORS.items():
            value, wanted = found[f"the {name}"], self.values[tensor]
            assert (value.dtype, value.shape) == (wanted.dtype, wanted.shape)
            assert value.tobytes() == wanted.tobytes()
        self.begin(self.born % 6)

    @precondition(lambda self: self.whole)
    @rule(data=st.data(), size=st.integers(0, 24))
    def a_whole_tensor_again(self, data: st.DataObject, size: int) -> None:
        """It stays as it is, whatever comes."""
        chunk = self.piece(data.draw(st.sampled_from(sorted(self.whole))), 0, size)
        other = bytes(byte ^ 0xFF for byte in chunk.data)
        assert not self.collector.add(replace(chunk, data=memoryview(other)))

    @rule(tensor=st.sampled_from(sorted(TENSORS)), at=st.integers(1, 24), size=st.integers(1, 24))
    def a_piece_out_of_order(self, tensor: int, at: int, size: int) -> None:
        if at != self.received[tensor] and tensor not in self.whole:
            self.refuses(self.piece(tensor, at, size))

    @rule(tensor=st.sampled_from(sorted(TENSORS)), more=st.integers(1, 9))
    def too_long_a_piece(self, tensor: int, more: int) -> None:
        if tensor in self.whole:
            return
        at = max(0, self.received[tensor])
        chunk = self.piece(tensor, at, 24)
        self.refuses(replace(chunk, data=memoryview(bytes(chunk.data) + bytes(more))))

    @rule(
        tensor=st.sampled_from(sorted(TENSORS)),
        odd=st.sampled_from(
            [
                {"total": 25},
                {"total": HUGE},
                {"shape": (5,)},
                {"shape": (7, 2), "total": 28},
                {"shape": (1 << 40, 2), "total": 1 << 42},
                {"tensor": MANIFEST.tensor_index["given"]},
                {"tensor": (1 << 32) - 1},
            ]
        ),
    )
    def a_wrong_beginning(self, tensor: int, odd: dict[str, object]) -> None:
        if tensor not in self.whole or "tensor" in odd:
            self.refuses(replace(self.piece(tensor, 0, 24), **odd))  # type: ignore[arg-type]

    def refuses(self, chunk: Chunk) -> None:
        try:
            self.collector.add(chunk)
        except ProtocolError:
            self.begin(self.born % 6)
            return
        raise AssertionError(f"{chunk} was taken")


class _Trusting(Collector):
    def _allocate(self, chunk: Chunk) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        dtype = MANIFEST.edges[chunk.tensor].tensor.dtype.numpy
        return np.empty(chunk.total // dtype.itemsize % 64, dtype)


class _Unordered(Collector):
    def add(self, chunk: Chunk) -> bool:
        if chunk.offset and chunk.tensor in self._received:
            self._received[chunk.tensor] = chunk.offset
        return super().add(chunk)


class _Repeating(Collector):
    def add(self, chunk: Chunk) -> bool:
        self._missing |= {chunk.tensor} & set(self._received)
        return super().add(chunk)


class TrustingCollecting(Collecting):
    kind = _Trusting


class UnorderedCollecting(Collecting):
    kind = _Unordered


class RepeatingCollecting(Collecting):
    kind = _Repeating


BROKEN: dict[str, type[Collecting]] = {
    "a client that believes a header's size": TrustingCollecting,
    "a client that takes pieces in any order": UnorderedCollecting,
    "a client that takes a result's tensor twice": RepeatingCollecting,
}
