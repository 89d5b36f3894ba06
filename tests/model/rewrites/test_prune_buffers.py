from __future__ import annotations

import numpy as np

from edgechain.model.rewrites.extract_operators import extract_operators
from edgechain.model.rewrites.prune_buffers import prune_buffers
from edgechain.model.rewrites.prune_tensors import prune_tensors
from edgechain.model.schema import ModelT, constant_bytes, read, write
from edgechain.model.wellformed import check
from tests.model.made import Made, row


def part_of(made: Made, operator: int, source: int, result: int) -> ModelT:
    extracted = extract_operators(made.model().tree, [operator], [source], [result])
    return prune_buffers(prune_tensors(extracted))


def test_only_the_weights_of_the_part_stay() -> None:
    part = part_of(row(4), 2, 3, 5)
    check(part)
    assert len(part.buffers) == 2
    data = constant_bytes(part, part.subgraphs[0].tensors[1])
    assert data is not None
    assert data.view(np.float32).tolist() == [1, 2, 3, 2]


def test_a_shared_buffer_is_still_one() -> None:
    made = Made()
    main = made.graph()
    shared = made.buffer(np.ones((1, 4), np.float32).tobytes())
    made.buffer(b"unused")
    first = main.add("a", main.input("input"), main.tensor("w", buffer=shared))
    main.outputs.append(main.add("b", first, main.tensor("also w", buffer=shared)))
    pruned = prune_buffers(made.model().tree)
    assert len(pruned.buffers) == 2
    assert [t.buffer for t in pruned.subgraphs[0].tensors] == [0, 1, 0, 1, 0]


def test_buffer_zero_and_metadata_stay() -> None:
    made = row(2)
    made.describe("min_runtime_version", b"1.14.0")
    part = part_of(made, 0, 0, 1)
    assert part.buffers[0].data is None
    assert bytes(part.buffers[part.metadata[0].buffer].data) == b"1.14.0"
    assert part.metadata[0].name == b"min_runtime_version"


def test_the_old_list_of_metadata_buffers_follows() -> None:
    made = row(2)
    whole = made.model().tree
    whole.metadataBuffer = [1, 99]
    assert prune_buffers(whole).metadataBuffer == [1]


def test_packed_data_starts_at_multiples_of_sixteen() -> None:
    made = row(6)
    made.buffer(b"odd")
    content = write(made.model().tree)
    for buffer in read(content).buffers:
        if buffer.data is not None:
            assert content.index(bytes(buffer.data)) % 16 == 0
