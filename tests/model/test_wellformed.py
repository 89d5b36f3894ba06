from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated

from edgechain.errors import InvalidModel
from edgechain.model.wellformed import check
from tests.model.made import row


def change(**fields: Any) -> Callable[[Any], None]:
    def apply(part: Any) -> None:
        for name, value in fields.items():
            setattr(part, name, value)

    return apply


MAIN = "subgraphs.0"
WRONG = [
    ("", change(subgraphs=[]), "no subgraph"),
    (MAIN, change(operators=[]), "no operators"),
    (MAIN, change(inputs=[]), "no inputs"),
    (MAIN, change(inputs=[0, 0]), "input twice"),
    (MAIN, change(inputs=[99]), "index 99 is outside"),
    (MAIN, change(outputs=[-1]), "index -1 is outside"),
    (f"{MAIN}.tensors.0", change(buffer=99), "tensor 0 .*buffer: index 99"),
    (f"{MAIN}.tensors.0", change(shape=[-7]), "dimension is negative"),
    (f"{MAIN}.tensors.0", change(externalBuffer=1), "in another file"),
    (f"{MAIN}.operators.1", change(opcodeIndex=9), "operator 1, code: index 9"),
    (f"{MAIN}.operators.1", change(inputs=[0, 77]), r"operator 1 \(ADD\), inputs: index 77"),
    (f"{MAIN}.operators.1", change(outputs=[-1]), "outputs: index -1"),
    (f"{MAIN}.operators.1", change(outputs=[1]), "computes tensor 1 a second time"),
    (f"{MAIN}.operators.0", change(inputs=[5]), "reads tensor 5 before it is computed"),
    (f"{MAIN}.operators.1", change(builtinOptionsType=250, builtinOptions=None), "newer than"),
    (
        f"{MAIN}.operators.1",
        change(builtinOptions=generated.CallOnceOptionsT(initSubgraphIndex=4)),
        "subgraphs: index 4",
    ),
]


@pytest.mark.parametrize(("place", "damage", "said"), WRONG)
def test_what_does_not_hold_is_named(place: str, damage: Callable[[Any], None], said: str) -> None:
    tree = row(3).model().tree
    part = tree
    for step in filter(None, place.split(".")):
        part = part[int(step)] if step.isdigit() else getattr(part, step)
    damage(part)
    with pytest.raises(InvalidModel, match=said):
        check(tree)


def test_a_scale_that_is_no_number_is_refused() -> None:
    tree = row(2).model().tree
    scale = np.array([np.nan], np.float32)
    tree.subgraphs[0].tensors[0].quantization = generated.QuantizationParametersT(scale=scale)
    with pytest.raises(InvalidModel, match="scale is not a number"):
        check(tree)


def test_a_signature_pointing_nowhere_is_refused() -> None:
    made = row(2)
    made.sign("serve", {"x": 0}, {"y": 3})
    tree = made.model().tree
    tree.signatureDefs[0].inputs[0].tensorIndex = 50
    with pytest.raises(InvalidModel, match="signature 'serve': index 50"):
        check(tree)
