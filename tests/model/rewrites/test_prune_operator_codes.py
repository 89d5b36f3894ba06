from __future__ import annotations

from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.rewrites.prune_operator_codes import prune_operator_codes
from edgechain.model.schema import operator_kind
from edgechain.model.wellformed import check
from tests.model.made import Made, row


def test_only_used_codes_stay() -> None:
    whole = row(3).model().tree
    part = prune_operator_codes(extract_operators(whole, [1, 2], [1], [5]))
    check(part)
    assert [operator_kind(code) for code in part.operatorCodes] == ["ADD"]
    assert [op.opcodeIndex for op in part.subgraphs[0].operators] == [0, 0]
    assert [op.opcodeIndex for op in whole.subgraphs[0].operators] == [0, 1, 1]


def test_codes_of_other_subgraphs_stay() -> None:
    made = Made()
    main = made.graph()
    main.outputs.append(main.relu("out", main.input("input")))
    other = made.graph("other")
    out = other.tensor("out")
    other.operator("TANH", [other.input("in")], [out])
    made.code("MyOwnOperator")
    kinds = [operator_kind(code) for code in prune_operator_codes(made.model().tree).operatorCodes]
    assert kinds == ["RELU", "TANH"]
