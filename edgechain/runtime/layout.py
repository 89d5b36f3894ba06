"""Where each tensor lies in a slot: fixed by the manifest, the same for daemon and workers.

A slot holds every tensor that enters or leaves any stage of this node for one attempt. A stage
writes its output where the next one on the same node reads it, so tensors between them are
handed over by handing over the slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import StageName

ALIGNMENT = 64
"""One cache line, and what TFLite's kernels like best for the tensors they are given."""


@dataclass(frozen=True, slots=True)
class SlotLayout:
    """Offsets of tensors (by their number in the manifest) inside one slot, in bytes."""

    offsets: Mapping[int, int]
    slot_bytes: int

    def start(self, slot: int, tensor: int) -> int:
        """Where the tensor starts in the arena."""
        return slot * self.slot_bytes + self.offsets[tensor]


def lay_out(manifest: ChainManifest, stages: frozenset[StageName]) -> SlotLayout:
    """The layout of a node that runs ``stages``."""
    offsets: dict[int, int] = {}
    end = 0
    for tensor in manifest.touched_by(stages):
        offsets[tensor] = end
        size = manifest.edges[tensor].tensor.max_bytes
        end += -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
    return SlotLayout(offsets, max(end, ALIGNMENT))
