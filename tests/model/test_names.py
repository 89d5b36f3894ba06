from __future__ import annotations

from edgechain.model.graph import graph_of
from edgechain.model.names import port_names, unique_names
from tests.model import special
from tests.model.made import row


def test_names_are_unique_printable_and_the_same_every_time() -> None:
    model = special.nameless().model()
    names = unique_names(model.main, [0, 1, 2, 3])
    assert names == {0: "same#0", 1: "tensor#1", 2: "same#2", 3: "tensor#3"}
    assert names == unique_names(model.main, [0, 1, 2, 3])


def test_a_name_that_looks_made_up_is_not_taken_twice() -> None:
    made = special.nameless()
    made.graphs[0].relu("same#0", 3)
    names = unique_names(made.model().main, [0, 1, 2, 3, 4])
    assert sorted(names.values()) == ["same#0", "same#0#", "same#2", "tensor#1", "tensor#3"]


def test_control_characters_never_reach_a_terminal() -> None:
    made = row(1)
    made.graphs[0].tensors[1].name = b"\x1b[31mred\n\xff"
    assert unique_names(made.model().main, [1]) == {1: "?[31mred?\ufffd"}


def test_ports_are_called_by_the_signature_where_there_is_one() -> None:
    made = row(2)
    graph = graph_of(made.model())
    names = {index: tensor.name for index, tensor in graph.tensors.items()}
    assert port_names(made.model().tree, names) == (["input"], ["t1"])
    made.sign("serve", {"x": 0}, {"y": 3})
    assert port_names(made.model().tree, names) == (["x"], ["y"])
