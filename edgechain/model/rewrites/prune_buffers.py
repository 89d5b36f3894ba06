"""Drop the buffers that no tensor and no metadata uses: the weights of other submodels."""

from __future__ import annotations

import copy

from edgechain.model.schema import ModelT, SubGraphT


def prune_buffers(model: ModelT) -> ModelT:
    """The same model with only the buffers in use, in their order.

    Buffer 0 stays: the schema keeps it empty for tensors without data. A buffer that several
    tensors share is still one buffer. Metadata entries keep theirs.
    """
    old_metadata = [] if model.metadataBuffer is None else [int(b) for b in model.metadataBuffer]
    listed = [b for b in old_metadata if 0 <= b < len(model.buffers)]
    used = {0, *listed, *(entry.buffer for entry in model.metadata)}
    used.update(tensor.buffer for graph in model.subgraphs for tensor in graph.tensors)
    place = {old: new for new, old in enumerate(sorted(used))}
    pruned = copy.copy(model)
    pruned.buffers = [model.buffers[old] for old in place]
    pruned.subgraphs = [_renumber(graph, place) for graph in model.subgraphs]
    pruned.metadata = [copy.copy(entry) for entry in model.metadata]
    for entry in pruned.metadata:
        entry.buffer = place[entry.buffer]
    pruned.metadataBuffer = [place[b] for b in listed] or None
    return pruned


def _renumber(graph: SubGraphT, place: dict[int, int]) -> SubGraphT:
    changed = copy.copy(graph)
    changed.tensors = [copy.copy(tensor) for tensor in graph.tensors]
    for tensor in changed.tensors:
        tensor.buffer = place[tensor.buffer]
    return changed
