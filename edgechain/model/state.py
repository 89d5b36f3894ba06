"""State that ties operators together: variable tensors, resource variables, hash tables.

A submodel's state lives in its interpreter, so operators that share state share a submodel.
"""

from __future__ import annotations

from collections import defaultdict

from edgechain.model.calls import operators_within
from edgechain.model.schema import ModelT, OperatorT, SubGraphT, operator_kind, text, type_name

_RESOURCE_KINDS = frozenset(
    {
        "CALL_ONCE",
        "VAR_HANDLE",
        "READ_VARIABLE",
        "ASSIGN_VARIABLE",
        "HASHTABLE",
        "HASHTABLE_FIND",
        "HASHTABLE_IMPORT",
        "HASHTABLE_SIZE",
    }
)
Bound = tuple[frozenset[int], str]


def bound_operators(model: ModelT) -> tuple[Bound, ...]:
    """Groups of two or more operators of the main subgraph that share state, with the reason."""
    return (*_sharing_variables(model.subgraphs[0]), *_sharing_resources(model))


def touches_resources(model: ModelT, operator: OperatorT) -> bool:
    """Whether ``operator``, or anything it calls, reads or writes the model's resources."""
    if _is_resource(model, model.subgraphs[0], operator):
        return True
    return any(
        _is_resource(model, model.subgraphs[number], inner)
        for number, inner in operators_within(model, operator)
    )


def _sharing_variables(graph: SubGraphT) -> list[Bound]:
    users: dict[int, set[int]] = defaultdict(set)
    for index, operator in enumerate(graph.operators):
        for tensor in (*operator.inputs, *operator.outputs):
            if tensor >= 0 and graph.tensors[tensor].isVariable:
                users[tensor].add(index)
    return [
        (frozenset(ops), f"it shares the variable tensor {text(graph.tensors[t].name)!r}")
        for t, ops in users.items()
        if len(ops) > 1
    ]


def _sharing_resources(model: ModelT) -> list[Bound]:
    """All in one group: an initialiser usually fills every variable of the model at once."""
    operators = model.subgraphs[0].operators
    users = frozenset(i for i, op in enumerate(operators) if touches_resources(model, op))
    return [(users, "it shares the model's resource variables or tables")] if len(users) > 1 else []


def _is_resource(model: ModelT, graph: SubGraphT, operator: OperatorT) -> bool:
    if operator_kind(model.operatorCodes[operator.opcodeIndex]) in _RESOURCE_KINDS:
        return True
    tensors = (graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0)
    return any(type_name(tensor.type) == "resource" for tensor in tensors)
