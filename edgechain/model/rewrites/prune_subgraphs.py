"""Drop the subgraphs that the main one does not reach."""

from __future__ import annotations

import copy

from edgechain.model.calls import called_by, renumbered
from edgechain.model.schema import ModelT, SubGraphT


def prune_subgraphs(model: ModelT) -> ModelT:
    """The same model with the main subgraph and those it calls, directly or not, each whole.

    Signatures of dropped subgraphs go with them.
    """
    reached = {0}
    for operator in model.subgraphs[0].operators:
        reached |= called_by(model, operator)
    number = {old: new for new, old in enumerate(sorted(reached))}
    pruned = copy.copy(model)
    pruned.subgraphs = [_renumber(model.subgraphs[old], number) for old in number]
    pruned.signatureDefs = []
    for signature in model.signatureDefs:
        if signature.subgraphIndex in number:
            kept = copy.copy(signature)
            kept.subgraphIndex = number[signature.subgraphIndex]
            pruned.signatureDefs.append(kept)
    return pruned


def _renumber(graph: SubGraphT, number: dict[int, int]) -> SubGraphT:
    changed = copy.copy(graph)
    changed.operators = [renumbered(operator, number) for operator in graph.operators]
    return changed
