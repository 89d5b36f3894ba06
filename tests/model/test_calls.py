from __future__ import annotations

from ai_edge_litert import schema_py_generated as generated

from edgechain.model import calls
from tests.model import special


def test_every_reference_to_a_subgraph_in_the_schema_is_known() -> None:
    """Another schema may bring new ones: then this list is looked at again."""
    found = {
        f"{name}.{field}"
        for name, kind in vars(generated).items()
        if name.endswith("OptionsT")
        for field in vars(kind())
        if "ubgraph" in field or "omputations" in field
    }
    matched = {name for name in found if calls._REFERENCE.search(name.split(".")[1])}
    assert matched == found
    assert len(found) == 15


def test_what_is_called_through_others_is_found() -> None:
    model = special.control_flow().model()
    loop = model.main.operators[1]
    assert calls.called_subgraphs(loop) == (1, 2)
    assert calls.called_by(model.tree, loop) == {1, 2, 3, 4}
    assert calls.called_by(model.tree, model.main.operators[0]) == frozenset()


def test_a_circle_of_calls_ends() -> None:
    model = special.control_flow().model()
    loop = model.main.operators[1]
    model.tree.subgraphs[3].operators = [loop]
    assert calls.called_by(model.tree, loop) == {1, 2, 3, 4}
