"""What a client must bear: odd deadlines, lying nodes, an end that comes early."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from edgechain.client.fleet import Fleet
from edgechain.client.inputs import check_inputs
from edgechain.client.results import Collector
from edgechain.discovery.peers import PeerTable
from edgechain.errors import Cancelled, InvalidInput, ProtocolError
from edgechain.runtime.clock import SystemClock
from edgechain.spec.chain import ChainManifest, Edge, Port
from edgechain.spec.message import Chunk, Hello, Role
from edgechain.spec.tensor import DType, TensorSpec
from tests.client.doubles import MANIFEST, NotedNodes, submitter
from tests.runtime.keys import GENERATION, key
from tests.spec.manifests import edge, stage

PHOTO = MANIFEST.tensor_index["photo"]
BOXES = MANIFEST.tensor_index["boxes"]
VALUES = {PHOTO: np.zeros((1, 4), np.uint8)}


@pytest.mark.parametrize("deadline", [float("nan"), float("inf"), 3601.0])
async def test_a_deadline_no_node_would_keep_is_refused(deadline: float) -> None:
    nodes = NotedNodes()
    with pytest.raises(InvalidInput, match="deadline"):
        await submitter(nodes, slots=1).submit(VALUES, deadline)
    assert nodes.sends == []


async def test_a_closed_connection_ends_a_new_request_at_once() -> None:
    asked = submitter(NotedNodes(), slots=1)
    asked.close(Cancelled("the connection to the chain was closed"))
    with pytest.raises(Cancelled, match="was closed"):
        await asyncio.wait_for(asked.submit(VALUES, 60.0), 5)
    assert asked.open_requests == 0


def result(offset: int, total: int, data: bytes) -> Chunk:
    return Chunk(key(0), BOXES, offset, total, 1.0, (1, 4), (), memoryview(data))


def test_a_result_that_grows_on_its_way_is_refused() -> None:
    collector = Collector(MANIFEST)
    assert not collector.add(result(0, 4, b"ab"))
    with pytest.raises(ProtocolError):
        collector.add(result(2, 1 << 40, b"cdefgh"))


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


async def test_a_closed_fleet_leaves_no_timer() -> None:
    hello = Hello(Role.CLIENT, "me", "ns", "diamond", GENERATION)
    fleet = Fleet(hello, tuple(MANIFEST.stage), PeerTable("ns"), SystemClock())
    fleet.attach(submitter(NotedNodes()))
    fleet._judge()
    timer = fleet._grace
    assert timer is not None
    await fleet.close()
    fleet._judge()  # as a link does that is lost while the fleet closes
    assert timer.cancelled()
    assert fleet._grace is None
