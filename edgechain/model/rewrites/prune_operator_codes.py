"""Drop the operator codes that no operator uses."""

from __future__ import annotations

import copy

from edgechain.model.schema import ModelT, SubGraphT


def prune_operator_codes(model: ModelT) -> ModelT:
    """The same model with only the codes in use, in their order.

    An unused custom code would make an interpreter refuse a submodel it can run.
    """
    used = {op.opcodeIndex for graph in model.subgraphs for op in graph.operators}
    place = {old: new for new, old in enumerate(sorted(used))}
    pruned = copy.copy(model)
    pruned.operatorCodes = [model.operatorCodes[old] for old in place]
    pruned.subgraphs = [_renumber(graph, place) for graph in model.subgraphs]
    return pruned


def _renumber(graph: SubGraphT, place: dict[int, int]) -> SubGraphT:
    changed = copy.copy(graph)
    changed.operators = [copy.copy(operator) for operator in graph.operators]
    for operator in changed.operators:
        operator.opcodeIndex = place[operator.opcodeIndex]
    return changed
