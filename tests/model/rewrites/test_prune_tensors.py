from __future__ import annotations

from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.rewrites.prune_tensors import prune_tensors
from edgechain.model.wellformed import check
from tests.model.made import Made, row


def test_unused_tensors_go_and_the_rest_keep_order_and_names() -> None:
    whole = row(4).model().tree
    part = prune_tensors(extract_operators(whole, [1, 2], [1], [5]))
    check(part)
    assert [t.name for t in part.subgraphs[0].tensors] == [b"t0", b"w1", b"t1", b"w2", b"t2"]
    assert part.subgraphs[0].operators[0].inputs == [0, 1]
    assert part.subgraphs[0].outputs == [4]


def test_an_omitted_optional_input_stays_omitted() -> None:
    made = Made()
    main = made.graph()
    first = main.input("input")
    main.tensor("unused")
    out = main.tensor("out")
    main.operator("FULLY_CONNECTED", [first, main.tensor("w"), -1], [out])
    main.outputs.append(out)
    pruned = prune_tensors(made.model().tree)
    assert pruned.subgraphs[0].operators[0].inputs == [0, 2, -1]


def test_intermediates_stay_with_their_operator() -> None:
    made = Made()
    main = made.graph()
    first = main.input("input")
    main.tensor("unused")
    between = main.tensor("intermediate", ())
    out = main.tensor("out")
    main.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", [first], [out], intermediates=[between])
    main.outputs.append(out)
    pruned = prune_tensors(made.model().tree).subgraphs[0]
    assert [t.name for t in pruned.tensors] == [b"input", b"intermediate", b"out"]
    assert pruned.operators[0].intermediates == [1]


def test_signature_ports_follow_their_tensors_or_go_with_them() -> None:
    made = row(2)
    made.sign("serve", {"x": 0}, {"y": 3})
    part = prune_tensors(extract_operators(made.model().tree, [1], [1], [3]))
    signature = part.signatureDefs[0]
    assert signature.inputs == []
    assert [(port.name, port.tensorIndex) for port in signature.outputs] == [(b"y", 2)]


def test_what_it_was_given_is_left_as_it_was() -> None:
    whole = row(3).model().tree
    before = [list(op.inputs) for op in whole.subgraphs[0].operators]
    prune_tensors(extract_operators(whole, [2], [3], [5]))
    assert [op.inputs for op in whole.subgraphs[0].operators] == before
