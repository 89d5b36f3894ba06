"""Tensors that cross packed, as a node sends them and takes them."""

from __future__ import annotations

import pytest
import zstandard

from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import Generation
from edgechain.spec.message import FailureKind, Route
from edgechain.transport.packing import pack
from edgechain.transport.pulse import MAX_CHUNK_BYTES
from tests.node.doubles import BYTES, HERE, TENSOR, THERE, Bench, request
from tests.spec.manifests import diamond

PACKED = {"a", "c"}
FIELDS = diamond()
EDGES = tuple(
    edge.model_copy(update={"codec": "zstd"}) if edge.tensor.name in PACKED else edge
    for edge in FIELDS["edges"]
)
MANIFEST = ChainManifest.sealed(**FIELDS | {"edges": EDGES})
KEY = request()._replace(generation=Generation(MANIFEST.generation))
HEAD_HERE: Route = (HERE, THERE, THERE, THERE)
TAIL_HERE: Route = (THERE, THERE, THERE, HERE)
ALL_HERE: Route = (HERE,) * 4
FRAME = pack(memoryview(BYTES))


@pytest.fixture
def bench() -> Bench:
    return Bench(manifest=MANIFEST)


def held(bench: Bench, tensor: str) -> bytes:
    return bytes(bench.memory.region(bench.attempt("tail").slot, TENSOR[tensor], 4))


def test_only_what_the_manifest_packs_is_sent_so_and_nothing_to_the_client(bench: Bench) -> None:
    bench.take(KEY, "photo", HEAD_HERE)
    bench.run("head")
    assert {send.tensor: send.packed for _, send in bench.peers.sends} == {
        TENSOR["a"]: True,
        TENSOR["b"]: False,
    }
    assert [(send.tensor, send.packed) for _, send in bench.clients.sends] == [(TENSOR["b"], False)]


def test_what_stays_on_the_node_is_handed_over_as_it_is(bench: Bench) -> None:
    bench.take(KEY, "photo", ALL_HERE)
    for stage in ("head", "left", "right"):
        bench.run(stage)
    assert bench.peers.sends == []
    assert set(bench.delivered("tail")) == {TENSOR[name] for name in ("photo", "c", "d")}


def test_a_packed_chunk_is_what_it_holds(bench: Bench) -> None:
    bench.take(KEY, "c", TAIL_HERE, data=FRAME, packed=True)
    assert (bench.delivered("tail"), held(bench, "c")) == ([TENSOR["c"]], BYTES)


def test_each_chunk_says_by_itself_whether_it_is_packed(bench: Bench) -> None:
    bench.take(KEY, "c", TAIL_HERE, data=BYTES[:1])
    for offset, packed in ((1, True), (3, False)):
        data = BYTES[offset : offset + 2]
        data = pack(memoryview(data)) if packed else data
        bench.take(KEY, "c", (), data=data, packed=packed, offset=offset, shape=())
    assert (bench.delivered("tail"), held(bench, "c")) == ([TENSOR["c"]], BYTES)
    assert bench.failures() == []


LARGER = pack(memoryview(bytes(5)))


@pytest.mark.parametrize(
    ("tensor", "data", "reason"),
    [
        ("d", FRAME, "tensor 'd' comes packed, which the manifest does not say"),
        ("photo", FRAME, "tensor 'photo' comes packed, which the manifest does not say"),
        ("c", BYTES, "a packed chunk cannot be unpacked"),
        ("c", b"", "a packed chunk cannot be unpacked"),
        ("c", FRAME[:-1], "a packed chunk cannot be unpacked"),
        ("c", FRAME + b"\0", "a packed chunk cannot be unpacked"),
        ("c", LARGER, "a packed chunk says that it holds 5 bytes, not 1 to 4"),
        ("c", pack(memoryview(b"")), "a packed chunk says that it holds 0 bytes"),
        ("c", pack(memoryview(bytes(64 << 20))), "a packed chunk says that it holds 67108864 "),
    ],
    ids=[
        *("elsewhere", "an input", "as it is", "nothing", "cut off", "more", "too large"),
        *("an empty one", "a bomb"),
    ],
)
def test_a_lie_ends_the_attempt_as_every_other_does(
    bench: Bench, tensor: str, data: bytes, reason: str
) -> None:
    bench.take(KEY, tensor, TAIL_HERE, data=data, packed=True)
    (failure,) = bench.failures()
    assert (failure.key, failure.kind) == (KEY, FailureKind.INVALID_INPUT)
    assert failure.reason.startswith(reason)
    assert (bench.delivered("tail"), bench.released(), bench.in_use) == ([], [KEY], 0)


def test_no_more_than_what_is_left_of_the_tensor(bench: Bench) -> None:
    """Its first bytes are there: a second chunk as large as all of it is too large."""
    bench.take(KEY, "c", TAIL_HERE, data=BYTES[:1])
    bench.take(KEY, "c", (), data=FRAME, packed=True, offset=1, shape=())
    (failure,) = bench.failures()
    assert "holds 4 bytes, not 1 to 3" in failure.reason


def test_what_is_whole_is_not_unpacked_again(bench: Bench) -> None:
    bench.take(KEY, "c", TAIL_HERE)
    bench.take(KEY, "c", TAIL_HERE, data=b"garbage", packed=True)
    assert (bench.failures(), bench.exchange._forwarder.duplicates) == ([], 1)


def test_no_more_than_a_chunk_may_have_however_large_the_tensor() -> None:
    """A tensor of 8 MiB does not have its receiver unpack 8 MiB at once."""
    size = 8 * MAX_CHUNK_BYTES
    large = EDGES[3].tensor.model_copy(update={"shape": (1, size)})
    edges = (*EDGES[:3], EDGES[3].model_copy(update={"tensor": large}), *EDGES[4:])
    manifest = ChainManifest.sealed(**FIELDS | {"edges": edges})
    bench = Bench(manifest=manifest)
    key = request()._replace(generation=Generation(manifest.generation))
    frame = zstandard.ZstdCompressor(level=1).compress(bytes(size))
    fields = {"shape": (1, size), "total": size, "data": frame, "packed": True}
    bench.take(key, "c", TAIL_HERE, **fields)
    (failure,) = bench.failures()
    assert failure.reason.endswith(f"holds {size} bytes, not 1 to {MAX_CHUNK_BYTES}")
