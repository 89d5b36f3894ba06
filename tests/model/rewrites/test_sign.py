from __future__ import annotations

from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.rewrites.sign import sign
from edgechain.model.schema import ModelT
from tests.model.made import Made, row


def ports(model: ModelT) -> tuple[str, dict[str, int], dict[str, int]]:
    signature = model.signatureDefs[0]
    sides = [
        {port.name.decode(): port.tensorIndex for port in side}
        for side in (signature.inputs, signature.outputs)
    ]
    return signature.signatureKey.decode(), sides[0], sides[1]


def signed_row() -> Made:
    made = row(3)
    made.sign("serving_default", {"x": 0}, {"y": 5})
    return made


def test_ports_of_the_whole_model_keep_their_names_and_boundaries_take_the_tensors() -> None:
    whole = signed_row().model().tree
    first = sign(extract_operators(whole, [0], [0], [1]), {0: "input", 1: "t0"})
    last = sign(extract_operators(whole, [1, 2], [1], [5]), {1: "t0", 5: "t2"})
    assert ports(first) == ("serving_default", {"x": 0}, {"t0": 1})
    assert ports(last) == ("serving_default", {"t0": 1}, {"y": 5})


def test_a_boundary_tensor_never_takes_a_name_the_signature_uses() -> None:
    whole = signed_row().model().tree
    part = sign(extract_operators(whole, [0, 1], [0, 1], [1, 3]), {0: "i", 1: "x", 3: "t"})
    assert ports(part)[1] == {"x": 0, "x#": 1}


def test_without_a_signature_none_is_made_up() -> None:
    assert sign(row(2).model().tree, {}).signatureDefs == []


def test_signatures_of_other_entries_are_dropped() -> None:
    made = signed_row()
    made.sign("again", {"z": 0}, {"y": 5})
    made.graph("other")
    made.sign("other", {}, {}, 1)
    signed = sign(made.model().tree, {0: "input", 5: "t2"})
    assert [s.signatureKey for s in signed.signatureDefs] == [b"serving_default"]
