from __future__ import annotations

from ai_edge_litert import schema_py_generated as generated

from edgechain.model.calls import called_subgraphs
from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.rewrites.prune_subgraphs import prune_subgraphs
from edgechain.model.wellformed import check
from tests.model.made import Graph, Made


def two_loops() -> Made:
    """RELU, then a WHILE whose body holds an IF, then another WHILE; one subgraph unused."""
    made = Made()
    main = made.graph()
    for name in ("unused", "cond1", "body1", "then", "else", "cond2", "body2"):
        passing(made.graph(name))
    inner = made.graphs[3]
    out = inner.tensor("branched")
    branch = generated.IfOptionsT(thenSubgraphIndex=4, elseSubgraphIndex=5)
    inner.operator("IF", [inner.inputs[0], inner.inputs[0]], [out], branch)
    first = main.relu("a", main.input("input"))
    second, third = main.tensor("b"), main.tensor("c")
    loop = generated.WhileOptionsT
    main.operator("WHILE", [first], [second], loop(condSubgraphIndex=2, bodySubgraphIndex=3))
    main.operator("WHILE", [second], [third], loop(condSubgraphIndex=6, bodySubgraphIndex=7))
    main.outputs.append(third)
    return made


def passing(graph: Graph) -> None:
    graph.outputs.append(graph.relu("out", graph.input("in")))


def test_called_subgraphs_stay_whole_and_are_renumbered_also_through_others() -> None:
    whole = two_loops().model().tree
    part = prune_subgraphs(extract_operators(whole, [1], [1], [2]))
    check(part)
    assert [g.name for g in part.subgraphs] == [b"main", b"cond1", b"body1", b"then", b"else"]
    assert called_subgraphs(part.subgraphs[0].operators[0]) == (1, 2)
    assert called_subgraphs(part.subgraphs[2].operators[1]) == (3, 4)


def test_a_part_without_control_flow_has_one_subgraph() -> None:
    part = prune_subgraphs(extract_operators(two_loops().model().tree, [0], [0], [1]))
    assert [g.name for g in part.subgraphs] == [b"main"]


def test_what_it_was_given_is_left_as_it_was() -> None:
    whole = two_loops().model().tree
    prune_subgraphs(extract_operators(whole, [2], [2], [3]))
    assert called_subgraphs(whole.subgraphs[0].operators[2]) == (6, 7)
    assert called_subgraphs(whole.subgraphs[3].operators[1]) == (4, 5)


def test_signatures_of_dropped_subgraphs_go_and_others_are_renumbered() -> None:
    made = two_loops()
    made.sign("main", {}, {}, 0)
    made.sign("gone", {}, {}, 1)
    made.sign("moved", {}, {}, 6)
    part = prune_subgraphs(extract_operators(made.model().tree, [2], [2], [3]))
    kept = [(signature.signatureKey, signature.subgraphIndex) for signature in part.signatureDefs]
    assert kept == [(b"main", 0), (b"moved", 1)]
