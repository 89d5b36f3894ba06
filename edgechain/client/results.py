"""What comes back from a chain: tensors put together, or the error that ended the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgechain.errors import ProtocolError, RequestError
from edgechain.spec.chain import ChainManifest
from edgechain.spec.message import Chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Result:
    """How one request ended.

    ``index`` counts the requests of a stream from 0. ``latency`` is seconds from ``submit`` to
    the last byte. ``outputs`` maps the chain's output names to arrays, and raises ``error``
    where the request ended with one. ``generation`` is the one that answered, ``attempts`` how
    often the request was sent.
    """

    index: int
    latency: float
    tensors: Mapping[str, Array]
    error: RequestError | None = None
    generation: str = ""
    attempts: int = 1

    @property
    def outputs(self) -> Mapping[str, Array]:
        """The output arrays by name. Raises the request's error if it has one."""
        if self.error is not None:
            raise self.error
        return self.tensors

    def __getitem__(self, name: str) -> Array:
        return self.outputs[name]


class Collector:
    """Puts one attempt's output tensors together from chunks; sizes are the manifest's."""

    def __init__(self, manifest: ChainManifest):
        self._manifest = manifest
        self._missing = set(manifest.output_edges)
        self._arrays: dict[int, Array] = {}
        self._received: dict[int, int] = {}

    def give(self, tensor: int, value: Array) -> None:
        """An output that needs no chunks: it is one of the inputs."""
        self._arrays[tensor] = value
        self._missing.discard(tensor)

    def add(self, chunk: Chunk) -> bool:
        """Take a chunk; whether everything is there now. Raises ``ProtocolError``.

        A tensor that is whole already stays as it is.
        """
        if chunk.tensor not in self._missing:
            if chunk.tensor in self._arrays:
                return not self._missing
            raise ProtocolError(f"tensor {chunk.tensor} is not awaited")
        if chunk.packed:
            raise ProtocolError(f"result {chunk.tensor} comes packed, which no result does")
        if chunk.offset == 0:
            self._arrays[chunk.tensor] = self._allocate(chunk)
            self._received[chunk.tensor] = 0
        end = chunk.offset + len(chunk.data)
        if self._received.get(chunk.tensor) != chunk.offset:
            raise ProtocolError(f"a chunk of tensor {chunk.tensor} is out of order")
        if end > self._arrays[chunk.tensor].nbytes:
            raise ProtocolError(f"a chunk of tensor {chunk.tensor} does not fit it")
        if len(chunk.data):
            flat = self._arrays[chunk.tensor].reshape(-1).view(np.uint8)
            flat[chunk.offset : end] = np.frombuffer(chunk.data, np.uint8)
        self._received[chunk.tensor] = end
        if end == self._arrays[chunk.tensor].nbytes:
            self._missing.discard(chunk.tensor)
        return not self._missing

    def _allocate(self, chunk: Chunk) -> Array:
        spec = self._manifest.edges[chunk.tensor].tensor
        problem = spec.misfit_bytes(chunk.shape, chunk.total)
        if problem:
            raise ProtocolError(f"result {spec.name!r} {problem}")
        return np.empty(chunk.shape, spec.dtype.numpy)

    def outputs(self) -> dict[str, Array]:
        """The arrays by the chain's output names."""
        ports = zip(self._manifest.outputs, self._manifest.output_edges, strict=True)
        return {port.name: self._arrays[edge] for port, edge in ports}
