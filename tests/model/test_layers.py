from __future__ import annotations

import pytest

from edgechain.errors import CannotCut
from edgechain.model.graph import graph_of
from edgechain.model.layers import cut_after
from tests.model.made import Made, row


def keras() -> Made:
    made = row(5)
    names = (
        "model/conv1/Conv2D",
        "model/conv1/Relu;model/bn1/Add",
        "model/block/conv2/Relu",
        "x",
        "y",
    )
    for tensor, name in zip((1, 3, 5, 7, 9), names, strict=True):
        made.graphs[0].tensors[tensor].name = name.encode()
    return made


def groups(*names: str) -> list[int]:
    model = keras().model()
    return [group[-1] for group in cut_after(model, graph_of(model), names).groups]


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("x", 3),
        ("model/conv1/Conv2D", 0),
        ("conv1", 1),
        ("model/conv1", 1),
        ("bn1", 1),
        ("conv2", 2),
        ("model/block", 2),
        ("model", 2),
    ],
)
def test_a_tensor_or_the_last_operator_of_a_layer(name: str, after: int) -> None:
    assert groups(name) == [after, 4]


def test_several_cuts_in_any_order() -> None:
    assert groups("x", "conv1") == [1, 3, 4]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("conv",), "no tensor or layer of that name; near it are 'conv"),
        (("input",), "is an input of the model"),
        (("y",), "the model's end"),
        (("conv1", "bn1"), "'bn1': it is the same place as 'conv1'"),
    ],
)
def test_what_is_no_place_for_a_cut_is_said(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(CannotCut, match=said):
        groups(*names)
