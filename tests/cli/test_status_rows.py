"""The table of `edgechain status`: a generation beside the one that serves has a row of its own."""

from __future__ import annotations

from edgechain.cli.status import _rows
from edgechain.client.survey import Sighting
from edgechain.spec.status import GenerationState, GenerationStatus, NodeStatus, StageStatus

STAGE = StageStatus(
    name="one",
    pid=1,
    ran=2,
    failed=0,
    waiting=0,
    mean_ms=1.0,
    max_ms=1.0,
    resident_bytes=0,
)


def status(*generations: GenerationStatus) -> NodeStatus:
    return NodeStatus(
        name="n",
        namespace="ns",
        chain="c",
        generation="a" * 64,
        incarnation=1,
        version="0",
        interpreter="litert",
        pid=1,
        uptime_seconds=1.0,
        resident_bytes=0,
        slots=8,
        slots_in_use=0,
        clients=0,
        stages=(STAGE,),
        links=(),
        generations=generations,
    )


def test_the_one_that_serves_is_a_row_for_each_stage() -> None:
    current = GenerationStatus(generation="a" * 64, state=GenerationState.CURRENT)
    (row,) = _rows(Sighting("n", "h:1", status(current)))
    assert row[:4] == ("n", "h:1", "c aaaaaaaa", "one")


def test_others_say_how_they_are() -> None:
    retiring = GenerationStatus(
        generation="b" * 64, state=GenerationState.RETIRING, slots_in_use=3, clients=1
    )
    failed = GenerationStatus(generation="", state=GenerationState.FAILED, reason="no such file")
    _, one, other = _rows(Sighting("n", "h:1", status(retiring, failed)))
    assert (one[2], one[3], one[7]) == ("c bbbbbbbb", "retiring", "3/8")
    assert other[3] == "failed: no such file"
