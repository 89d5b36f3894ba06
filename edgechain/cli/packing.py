"""What packing takes on this device, and how small boundary tensors get: part of a profile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from edgechain.spec.graph import OpGraph
from edgechain.spec.profile import MOST_SHARES, Packing
from edgechain.transport.packing import pack, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

MB = 1e6

CHUNK_BYTES = 256 << 10
"""As a chunk has on a link of 40 Mbit/s (``transport.pulse``): packing is for such links."""


class PackingMeter:
    """Packs every boundary tensor that it is shown once, chunk by chunk as it would cross.

    Seconds are the processor's, of the one thread that packs.
    """

    def __init__(self, graph: OpGraph):
        self._graph = graph
        self._sizes: dict[int, tuple[int, int]] = {}
        self._packing = self._unpacking = 0.0
        self._unpacked = 0
        unpack(pack(memoryview(bytes(CHUNK_BYTES))), CHUNK_BYTES)  # takes the memory it works in

    def look(self, tensor: int, value: Array) -> None:
        """Pack a tensor of the graph, if it may cross packed and was not seen before."""
        if tensor in self._sizes or tensor in self._graph.outputs:
            return
        raw, crossing = memoryview(value.tobytes()), 0
        for start in range(0, len(raw), CHUNK_BYTES):
            crossing += self._crossing(raw[start : start + CHUNK_BYTES])
        self._sizes[tensor] = len(raw), crossing

    def _crossing(self, chunk: memoryview) -> int:
        """Bytes that a chunk crosses with: one that would not get smaller crosses as it is."""
        start = time.thread_time()
        packed = pack(chunk)
        self._packing += time.thread_time() - start
        if len(packed) >= len(chunk):
            return len(chunk)
        start = time.thread_time()
        unpack(packed, len(chunk))
        self._unpacking += time.thread_time() - start
        self._unpacked += len(chunk)
        return len(packed)

    def found(self, stretch: float) -> Packing | None:
        """What was measured, nothing where there was no byte; the largest tensors' shares.

        A second of the processor takes ``stretch`` seconds on the clock.
        """
        total = sum(size for size, _ in self._sizes.values())
        if not total:
            return None
        unpacked = self._unpacked or total
        return Packing(
            pack_ms_per_mb=round(self._packing * stretch * 1000 / (total / MB), 6),
            unpack_ms_per_mb=round(self._unpacking * stretch * 1000 / (unpacked / MB), 6),
            shares=self._shares(),
        )

    def _shares(self) -> dict[str, float]:
        """By name; of tensors of one name the largest share."""
        shares: dict[str, float] = {}
        for tensor, (size, crossing) in sorted(self._sizes.items(), key=lambda one: -one[1][0]):
            name = self._graph.tensors[tensor].name
            if size and len(shares) < MOST_SHARES and name.isprintable():
                shares[name] = round(crossing / size, 4)
        return shares
