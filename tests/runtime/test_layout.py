"""Tensors in a slot never overlap, and slots never do."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edgechain.runtime.layout import ALIGNMENT, lay_out
from edgechain.spec.chain import ChainManifest
from tests.spec.manifests import diamond, manifests


@given(manifests(), st.data())
def test_regions_are_apart_aligned_and_large_enough(
    manifest: ChainManifest, data: st.DataObject
) -> None:
    names = [stage.name for stage in manifest.stages]
    stages = frozenset(data.draw(st.sets(st.sampled_from(names), min_size=1)))
    layout = lay_out(manifest, stages)
    assert set(layout.offsets) == set(manifest.touched_by(stages))
    spans = sorted(
        (layout.start(slot, tensor), manifest.edges[tensor].tensor.max_bytes)
        for slot in range(3)
        for tensor in layout.offsets
    )
    for (start, size), (following, _) in itertools.pairwise(spans):
        assert start + size <= following
    assert sum(spans[-1]) <= 3 * layout.slot_bytes
    assert all(start % ALIGNMENT == 0 for start, _ in spans)


def test_a_node_holds_only_what_its_stages_touch() -> None:
    manifest = ChainManifest.sealed(**diamond())
    layout = lay_out(manifest, frozenset({"left"}))
    assert set(layout.offsets) == {manifest.tensor_index["a"], manifest.tensor_index["c"]}
