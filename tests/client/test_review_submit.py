"""What a client must bear: lying nodes, inputs without a dimension."""

from __future__ import annotations

import numpy as np
import pytest

from edgechain.client.inputs import check_inputs
from edgechain.client.results import Collector
from edgechain.errors import ProtocolError
from edgechain.spec.chain import ChainManifest, Edge, Port
from edgechain.spec.message import Chunk
from edgechain.spec.tensor import DType, TensorSpec
from tests.client.doubles import MANIFEST
from tests.runtime.keys import key
from tests.spec.manifests import edge, stage

BOXES = MANIFEST.tensor_index["boxes"]


def result(offset: int, total: int, data: bytes) -> Chunk:
    return Chunk(key(0), BOXES, offset, total, 1.0, (1, 4), (), memoryview(data))


def test_a_result_that_grows_on_its_way_is_refused() -> None:
    collector = Collector(MANIFEST)
    assert not collector.add(result(0, 4, b"ab"))
    with pytest.raises(ProtocolError):
        collector.add(result(2, 1 << 40, b"cdefgh"))


def test_a_tensor_that_comes_twice_changes_nothing() -> None:
    collector = Collector(MANIFEST)
    assert not collector.add(result(0, 4, b"abcd"))
    assert not collector.add(result(0, 4, b"wxyz"))
    other = Chunk(key(0), MANIFEST.tensor_index["b"], 0, 4, 1.0, (1, 4), (), memoryview(b"efgh"))
    assert collector.add(other)
    assert bytes(collector.outputs()["output_0"]) == b"abcd"


def test_a_scalar_input_stays_a_scalar() -> None:
    scalar = TensorSpec(name="gain", dtype=DType.FLOAT32, shape=())
    manifest = ChainManifest.sealed(
        name="scalar",
        inputs=(Port(tensor="gain", name="gain"),),
        outputs=(Port(tensor="y", name="y"),),
        stages=(stage("only", ("gain",), ("y",)),),
        edges=(Edge(tensor=scalar, targets=("only",)), edge("y", "only", to_client=True)),
    )
    (value,) = check_inputs(manifest, np.float32(2.5)).values()  # type: ignore[arg-type]
    assert (value.shape, float(value)) == ((), 2.5)
