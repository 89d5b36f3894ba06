"""Names for tensors outside the file: unique, printable, never empty.

Submodels keep the names the file has, which may be empty or shared by several tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from edgechain.model.schema import ModelT, SignatureDefT, SubGraphT, TensorMapT, text

MAX_NAME = 1000
"""``TensorSpec`` takes 1024 characters; the rest is for the suffix."""


def unique_names(graph: SubGraphT, tensors: Iterable[int]) -> dict[int, str]:
    """A name for each tensor: its own, or ``name#index`` where that is shared or empty.

    The same model gives the same names every time: a chain is verified by them later.
    """
    wanted = {index: text(graph.tensors[index].name)[:MAX_NAME] for index in tensors}
    shared = Counter(wanted.values())
    taken = {name for name, count in shared.items() if count == 1 and name}
    found: dict[int, str] = {}
    for index, name in wanted.items():
        alone = shared[name] == 1 and name
        found[index] = name if alone else free_name(f"{name or 'tensor'}#{index}", taken)
        taken.add(found[index])
    return found


def main_signature(model: ModelT) -> SignatureDefT | None:
    """The signature of the subgraph that is cut, or ``None``."""
    return next((s for s in model.signatureDefs if s.subgraphIndex == 0), None)


def port_names(model: ModelT, names: Mapping[int, str]) -> tuple[list[str], list[str]]:
    """What callers call the model's inputs and outputs, each list free of repetitions.

    The signature's names where the model has one, otherwise the tensors' unique names.
    """
    signature, main = main_signature(model), model.subgraphs[0]
    return (
        _named(main.inputs, signature.inputs if signature else (), names),
        _named(main.outputs, signature.outputs if signature else (), names),
    )


def _named(
    tensors: Iterable[int], ports: Iterable[TensorMapT], names: Mapping[int, str]
) -> list[str]:
    """A tensor that is listed twice takes its signature's names one after the other."""
    given: dict[int, list[str]] = {}
    for port in ports:
        given.setdefault(port.tensorIndex, []).append(text(port.name)[:MAX_NAME])
    found: list[str] = []
    for position, index in enumerate(tensors):
        own = given.get(index)
        name = (own.pop(0) if own else "") or names[index]
        found.append(free_name(f"{name}#{position}", set(found)) if name in found else name)
    return found


def free_name(name: str, taken: set[str]) -> str:
    """``name``, with as many ``#`` behind it as it takes to be another than all ``taken``."""
    while name in taken:
        name += "#"
    return name
