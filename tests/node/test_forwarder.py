"""What a node does with every chunk that it takes, and with every tensor that its stages make."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edgechain.spec.message import FailureKind, Route, TensorSend
from tests.node.doubles import BUDGET, BYTES, HERE, MINE, TENSOR, THERE, Bench, request

ALL_HERE: Route = (HERE,) * 4
HEAD_HERE: Route = (HERE, THERE, THERE, THERE)
TAIL_HERE: Route = (THERE, THERE, THERE, HERE)
KEY = request()


def sent(way: Sequence[tuple[object, TensorSend]]) -> list[tuple[object, int, bytes]]:
    return [(to, send.tensor, bytes(send.payload)) for to, send in way]


# The way of one request ------------------------------------------------------------------


def test_all_stages_here_hand_over_the_slot_and_send_only_to_the_client() -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE)
    assert bench.delivered("head") == bench.delivered("tail") == [TENSOR["photo"]]
    for stage in ("head", "left", "right"):
        bench.run(stage)
    assert bench.delivered("tail") == [TENSOR["photo"], TENSOR["c"], TENSOR["d"]]
    bench.run("tail")
    assert bench.peers.sends == []
    assert [(to, tensor) for to, tensor, _ in sent(bench.clients.sends)] == [
        (MINE, TENSOR["b"]),
        (MINE, TENSOR["boxes"]),
    ]
    assert bench.released() == [], "the results are not yet handed to the stream"
    for _, send in bench.clients.sends:
        send.done(True)
    assert (bench.released(), bench.in_use, bench.failures()) == ([KEY], 0, [])


def test_outputs_go_to_each_other_node_once_with_the_route_and_the_deadline() -> None:
    bench = Bench()
    bench.take(KEY, "photo", HEAD_HERE)
    assert bench.delivered("tail") == []
    attempt = bench.begin("head")
    bench.memory.region(attempt.slot, TENSOR["a"], 4)[:] = b"aaaa"
    bench.finish("head")
    assert [(to, tensor) for to, tensor, _ in sent(bench.peers.sends)] == [
        (THERE, TENSOR["a"]),
        (THERE, TENSOR["b"]),
    ]
    send = bench.peers.sends[0][1]
    assert (send.route, send.deadline.budget(100.0)) == (HEAD_HERE, BUDGET)
    assert bytes(send.payload) == b"aaaa"


def test_a_tensor_in_pieces_is_delivered_with_the_last() -> None:
    bench = Bench()
    for offset in range(4):
        route, shape = (ALL_HERE, (1, 4)) if offset == 0 else ((), ())
        data = BYTES[offset : offset + 1]
        bench.take(KEY, "photo", route, offset=offset, data=data, shape=shape)
        assert bool(bench.delivered("head")) is (offset == 3)
    slot = bench.attempt("head").slot
    assert bytes(bench.memory.region(slot, TENSOR["photo"], 4)) == BYTES


def test_inputs_of_one_attempt_may_come_in_any_order() -> None:
    bench = Bench()
    for name in ("d", "photo", "c"):
        bench.take(KEY, name, TAIL_HERE)
    assert bench.delivered("tail") == [TENSOR["d"], TENSOR["photo"], TENSOR["c"]]
    assert bench.in_use == 1


# What does not fit ------------------------------------------------------------


def test_a_duplicate_changes_nothing() -> None:
    bench = Bench()
    bench.take(KEY, "c", TAIL_HERE)
    bench.take(KEY, "c", TAIL_HERE, data=b"evil")
    assert bench.delivered("tail") == [TENSOR["c"]]
    assert bytes(bench.memory.region(bench.attempt("tail").slot, TENSOR["c"], 4)) == BYTES
    assert bench.exchange._forwarder.duplicates == 1
    assert bench.failures() == []


@pytest.mark.parametrize(
    ("tensor", "more", "reason"),
    [
        ("photo", {"shape": (1, 5), "total": 5}, "has shape 1x5, wants 1x4"),
        ("photo", {"shape": (4,)}, "has shape 4, wants 1x4"),
        ("photo", {"total": 5}, "is not as large as its shape"),
        ("photo", {"total": 1 << 60}, "is not as large as its shape"),
        ("photo", {"data": BYTES + b"!"}, "does not fit its tensor"),
        ("photo", {"data": b""}, "does not fit its tensor"),
        (99, {}, "no such tensor"),
        ("boxes", {}, "nobody here waits"),
        ("c", {}, "nobody here waits"),
    ],
)
def test_a_tensor_that_is_not_what_the_manifest_says(
    tensor: str | int, more: dict[str, object], reason: str
) -> None:
    bench = Bench()
    bench.take(KEY, tensor, ALL_HERE, **more)  # type: ignore[arg-type]
    (failure,) = bench.failures()
    assert (failure.key, failure.kind) == (KEY, FailureKind.INVALID_INPUT)
    assert reason in failure.reason
    assert (bench.released(), bench.in_use) == ([KEY], 0)
    bench.take(KEY, "photo", ALL_HERE)
    assert bench.delivered("head") == [], "it is over"


@pytest.mark.parametrize("offset", [1, 3])
def test_a_piece_out_of_order(offset: int) -> None:
    bench = Bench()
    bench.take(KEY, "photo", ALL_HERE, data=BYTES[:2])
    bench.take(KEY, "photo", (), offset=offset, shape=(), data=BYTES[offset:])
    assert "out of order" in bench.failures()[0].reason
    assert bench.released() == [KEY]
