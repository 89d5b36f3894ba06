"""Drop the tensors of the main subgraph that no operator, input or output mentions."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from edgechain.model.schema import ModelT, OperatorT, SignatureDefT, SubGraphT


def prune_tensors(model: ModelT) -> ModelT:
    """The same model without unused tensors; the kept ones stay in their order.

    Intermediates belong to their operator. Ports of the main subgraph's signatures that name a
    dropped tensor are dropped with it. Other subgraphs are left alone.
    """
    main = model.subgraphs[0]
    used = {*main.inputs, *main.outputs}
    for operator in main.operators:
        used.update(operator.inputs, operator.outputs, operator.intermediates)
    place = {old: new for new, old in enumerate(i for i in range(len(main.tensors)) if i in used)}
    pruned = copy.copy(model)
    pruned.subgraphs = [_renumber_graph(main, place), *model.subgraphs[1:]]
    pruned.signatureDefs = [_renumber_signature(s, place) for s in model.signatureDefs]
    return pruned


def _renumber_graph(graph: SubGraphT, place: Mapping[int, int]) -> SubGraphT:
    changed = copy.copy(graph)
    changed.tensors = [graph.tensors[old] for old in place]
    changed.inputs, changed.outputs = _move(graph.inputs, place), _move(graph.outputs, place)
    changed.operators = [_renumber_operator(operator, place) for operator in graph.operators]
    return changed


def _renumber_operator(operator: OperatorT, place: Mapping[int, int]) -> OperatorT:
    changed = copy.copy(operator)
    changed.inputs = _move(operator.inputs, place)
    changed.outputs = _move(operator.outputs, place)
    changed.intermediates = _move(operator.intermediates, place)
    return changed


def _renumber_signature(signature: SignatureDefT, place: Mapping[int, int]) -> SignatureDefT:
    if signature.subgraphIndex != 0:
        return signature
    changed = copy.copy(signature)
    for field in ("inputs", "outputs"):
        ports = [copy.copy(p) for p in getattr(signature, field) if p.tensorIndex in place]
        for port in ports:
            port.tensorIndex = place[port.tensorIndex]
        setattr(changed, field, ports)
    return changed


def _move(indexes: Iterable[int], place: Mapping[int, int]) -> list[int]:
    """New places; -1, an omitted input, stays -1."""
    return [place[index] if index >= 0 else index for index in indexes]
