"""Keep only some operators of the main subgraph, with new inputs and outputs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from edgechain.model.schema import ModelT


def extract_operators(
    model: ModelT, operators: Iterable[int], inputs: Sequence[int], outputs: Sequence[int]
) -> ModelT:
    """The model whose main subgraph runs ``operators`` in their old order.

    ``inputs`` and ``outputs`` are tensor indexes, which stay as they are; so does all else, with
    whatever is no longer used. Signatures still say what the whole model takes and gives.
    """
    main = copy.copy(model.subgraphs[0])
    main.operators = [main.operators[index] for index in sorted(set(operators))]
    main.inputs, main.outputs = list(inputs), list(outputs)
    extracted = copy.copy(model)
    extracted.subgraphs = [main, *model.subgraphs[1:]]
    return extracted
