"""The table of `edgechain status`: a generation beside the one that serves has a row of its own."""

from __future__ import annotations

from edgechain.cli.status import _rows
from edgechain.client.survey import Sighting
from edgechain.spec.status import GenerationState, GenerationStatus, NodeStatus
from tests.spec.statuses import node_status, stage_status

STAGE = stage_status("one", ran=2, mean_ms=1.0, max_ms=1.0)


def status(*generations: GenerationStatus) -> NodeStatus:
    return node_status(stages=(STAGE,), generations=generations)


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


def test_a_node_without_a_stage_stands_by() -> None:
    current = GenerationStatus(generation="a" * 64, state=GenerationState.CURRENT)
    idle = status(current).model_copy(update={"stages": ()})
    (row,) = _rows(Sighting("n", "h:1", idle))
    assert row[:4] == ("n", "h:1", "c aaaaaaaa", "stands by")
    (planned,) = _rows(Sighting("n", "h:1", idle), {})
    assert len(planned) == len(row) + 2
