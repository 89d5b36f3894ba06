from __future__ import annotations

from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.schema import read, write
from edgechain.model.wellformed import check
from tests.model.made import row


def test_only_the_chosen_operators_stay_in_their_order() -> None:
    whole = row(4).model().tree
    part = extract_operators(whole, [2, 1], [1], [5])
    assert part.subgraphs[0].operators == whole.subgraphs[0].operators[1:3]
    assert (part.subgraphs[0].inputs, part.subgraphs[0].outputs) == ([1], [5])


def test_the_whole_model_is_left_as_it_was() -> None:
    whole = row(4).model().tree
    before = write(whole)
    extract_operators(whole, [0], [0], [1])
    assert write(whole) == before


def test_the_part_packs_and_reads_back() -> None:
    part = read(write(extract_operators(row(3).model().tree, [1], [1], [3])))
    check(part)
    assert len(part.subgraphs[0].operators) == 1
