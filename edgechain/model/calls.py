"""Which subgraphs an operator calls: bodies of loops, branches, reductions, initialisers.

The schema keeps the numbers in options under many names; all of them end the same way.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edgechain.model.schema import ModelT, OperatorT

_REFERENCE = re.compile(r"(^s|S)ubgraph(Index|Indices)?$|^calledComputations$")
_OPTIONS = ("builtinOptions", "builtinOptions2")


def called_subgraphs(operator: OperatorT) -> tuple[int, ...]:
    """Numbers of the subgraphs ``operator`` calls directly."""
    return tuple(
        int(number)
        for options in (operator.builtinOptions, operator.builtinOptions2)
        for _, value in _references(options)
        for number in _listed(value)
        if number >= 0  # a composite without a decomposition says -1
    )


def called_by(model: ModelT, operator: OperatorT) -> frozenset[int]:
    """Numbers of all subgraphs ``operator`` reaches, also through other subgraphs."""
    found: set[int] = set()
    waiting = list(called_subgraphs(operator))
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            for inner in model.subgraphs[number].operators:
                waiting.extend(called_subgraphs(inner))
    return frozenset(found)


def operators_within(model: ModelT, operator: OperatorT) -> Iterator[tuple[int, OperatorT]]:
    """Every operator of the subgraphs it reaches, each with its subgraph's number."""
    for number in sorted(called_by(model, operator)):
        for inner in model.subgraphs[number].operators:
            yield number, inner


def renumbered(operator: OperatorT, number: Mapping[int, int]) -> OperatorT:
    """The same operator calling the same subgraphs by their new numbers."""
    if not called_subgraphs(operator):
        return operator
    changed = copy.copy(operator)
    for field in _OPTIONS:
        options = copy.copy(getattr(operator, field))
        for name, value in _references(options):
            setattr(options, name, _renumber(value, number))
        setattr(changed, field, options)
    return changed


def _references(options: Any) -> list[tuple[str, Any]]:
    if options is None:
        return []
    return [(name, value) for name, value in vars(options).items() if _REFERENCE.search(name)]


def _listed(value: Any) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else list(value)


def _renumber(value: Any, number: Mapping[int, int]) -> Any:
    if isinstance(value, int):
        return number.get(value, value)
    return None if value is None else [number[int(old)] for old in value]
