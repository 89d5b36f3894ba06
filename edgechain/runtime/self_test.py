"""Running every stage of a node once on made-up inputs, before anybody waits for an answer.

What comes from another node or the client is all zeros, then all ones where a stage does not take
zeros, then as long as sequences are; what comes from a stage of this node is what that stage gave.
A model that takes none of these takes only inputs that mean something and cannot be tried so: it
counts as broken, because nobody could tell it from one that is.
"""

from __future__ import annotations

import graphlib
import struct
from collections.abc import Collection
from dataclasses import dataclass
from math import prod

from edgechain.errors import NodeFailed, WorkerLost
from edgechain.runtime.supervisor import Supervisor
from edgechain.runtime.worker_wire import Ran
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.ids import StageName
from edgechain.spec.tensor import DType, TensorSpec

SLOT = 0
"""Free as long as nobody is served."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What a tensor from elsewhere is filled with, and how long an open dimension is."""

    number: int
    open_size: int


FILLINGS = (Filling(0, 1), Filling(1, 1), Filling(1, 32))
"""32 is enough for a convolution over a sequence, and a batch that any model takes."""

_CODES = {
    DType.BOOL: "?",
    DType.INT8: "b",
    DType.UINT8: "B",
    DType.INT16: "h",
    DType.UINT16: "H",
    DType.INT32: "i",
    DType.UINT32: "I",
    DType.INT64: "q",
    DType.UINT64: "Q",
    DType.FLOAT16: "e",
    DType.FLOAT32: "f",
    DType.FLOAT64: "d",
    DType.COMPLEX64: "ff",
    DType.COMPLEX128: "dd",
}
"""struct(3)'s letters; numpy is too large for a daemon."""


class SelfTest:
    """One try of everything that a supervisor owns, before its actors work."""

    def __init__(self, manifest: ChainManifest, supervisor: Supervisor):
        self._manifest = manifest
        self._supervisor = supervisor
        self._shapes: dict[int, tuple[int, ...]] = {}

    async def run(self) -> None:
        """Raises ``NodeFailed``, which names the stage and what it said of zeros."""
        complaints = []
        for filling in FILLINGS:
            complaint = await self._try(filling)
            if complaint is None:
                return
            complaints.append(complaint)
        raise NodeFailed(complaints[0])

    async def _try(self, filling: Filling) -> str | None:
        """Run all stages, each on what those before it gave; why one of them failed."""
        self._shapes.clear()
        for stage in in_order(self._manifest, self._supervisor.actors.keys()):
            try:
                outcome = await self._run(stage, filling)
            except WorkerLost as error:
                raise NodeFailed(f"{error}, over the self-test") from error
            if not isinstance(outcome, Ran):
                reason = outcome.removeprefix(f"stage {stage.name}: ")
                return f"stage {stage.name}: the self-test failed: {reason}"
            made = self._manifest.edges_of(stage.outputs)
            self._shapes.update(zip(made, outcome.shapes, strict=True))
        return None

    async def _run(self, stage: Stage, filling: Filling) -> Ran | str:
        inputs = self._manifest.edges_of(stage.inputs)
        for tensor in inputs:
            if tensor not in self._shapes:
                self._shapes[tensor] = self._fill(tensor, filling)
        shapes = tuple(self._shapes[tensor] for tensor in inputs)
        return await self._supervisor.actors[stage.name].try_out(SLOT, shapes)

    def _fill(self, tensor: int, filling: Filling) -> tuple[int, ...]:
        spec = self._manifest.edges[tensor].tensor
        shape = chosen_shape(spec, filling.open_size)
        size = prod(shape) * spec.dtype.itemsize
        one = element(spec.dtype, filling.number)
        self._supervisor.region(SLOT, tensor, size)[:] = one * prod(shape)
        return shape


def in_order(manifest: ChainManifest, names: Collection[StageName]) -> list[Stage]:
    """These stages, each behind those whose tensors it takes."""
    needs: dict[StageName, set[StageName]] = {name: set() for name in names}
    for edge in manifest.edges:
        for target in edge.targets:
            if edge.source in needs and target in needs:
                needs[target].add(edge.source)
    return [manifest.stage[name] for name in graphlib.TopologicalSorter(needs).static_order()]


def chosen_shape(spec: TensorSpec, open_size: int) -> tuple[int, ...]:
    """A shape that fits: 1 where the batch is open, ``open_size`` elsewhere if there is room."""
    sides = [
        open_size if side < 0 and place else abs(side) for place, side in enumerate(spec.shape)
    ]
    if prod(sides) * spec.dtype.itemsize > spec.max_bytes:
        sides = [abs(side) for side in spec.shape]
    return tuple(sides)


def element(dtype: DType, number: int) -> bytes:
    """One element's bytes, as this machine keeps them."""
    code = _CODES[dtype]
    return struct.pack("=" + code, number, *[0] * (len(code) - 1))
