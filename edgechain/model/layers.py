"""Cuts named by people: a tensor, or a layer as Keras names it.

A converter writes paths into tensor names, ``model/conv1/Relu;model/conv1/BiasAdd``; a layer is
a run of whole path components in one of them, so ``conv1`` and ``model/conv1`` name it and
``conv`` does not.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from edgechain.errors import CannotCut
from edgechain.model.schema import text
from edgechain.model.source import Model
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition, contiguous


def cut_after(model: Model, graph: OpGraph, names: Sequence[str]) -> Partition:
    """Cut after the operator that computes each tensor, or the last operator of each layer.

    Raises ``CannotCut`` for a name the model does not have, with the nearest it has, and for a
    cut with nothing behind it.
    """
    ends: dict[int, str] = {}
    for name in names:
        op = _last_operator(model, graph, name)
        if op == len(graph.operators) - 1:
            raise CannotCut(repr(name), "it is the model's end, nothing comes behind it")
        if op in ends:
            raise CannotCut(
                repr(name), f"it is the same place as {ends[op]!r}; name each place once"
            )
        ends[op] = name
    return contiguous(graph, sorted(ends))


def _last_operator(model: Model, graph: OpGraph, name: str) -> int:
    exact = [i for i in graph.tensors if name in (graph.tensors[i].name, _raw(model, i))]
    found = exact or [
        i for i in graph.tensors if any(_holds(path, name) for path in _paths(model, i))
    ]
    made = [graph.producer[index] for index in found if index in graph.producer]
    if made:
        return max(made)
    if found:
        raise CannotCut(repr(name), "it is an input of the model, nothing comes before it")
    raise CannotCut(
        repr(name), f"the model has no tensor or layer of that name{_nearest(model, graph, name)}"
    )


def _raw(model: Model, index: int) -> str:
    return text(model.main.tensors[index].name)


def _paths(model: Model, index: int) -> Iterator[list[str]]:
    for path in _raw(model, index).split(";"):
        yield path.split("/")


def _holds(path: Sequence[str], name: str) -> bool:
    """Whether the components of ``name`` stand in ``path`` one after the other."""
    wanted = name.strip("/").split("/")
    starts = range(len(path) - len(wanted) + 1)
    return any(list(path[start : start + len(wanted)]) == wanted for start in starts)


def _nearest(model: Model, graph: OpGraph, name: str) -> str:
    known = dict.fromkeys(graph.tensors[index].name for index in graph.producer)
    known |= dict.fromkeys(
        c for i in graph.producer for path in _paths(model, i) for c in path if c
    )
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; near it are {', '.join(map(repr, near))}" if near else "; inspect lists them"
