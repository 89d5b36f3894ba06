"""Operators become units: what each keeps, and what is there while it runs."""

from __future__ import annotations

from edgechain.plan.units import ALIVE, STAGE_BYTES, model_problem
from edgechain.spec.problem import Board
from tests.spec.graphs import DIAMOND


def test_while_a_unit_runs_every_tensor_is_there_that_was_made_and_is_read_later() -> None:
    """Of four bytes each; the first operator's is there until the last one has read it."""
    problem = model_problem(DIAMOND, {"one": [1.0] * 6}, [Board("one")], None).problem
    alive = [(unit.working_bytes - STAGE_BYTES) / ALIVE for unit in problem.units]
    assert alive == [8, 8, 12, 16, 16, 12]
    assert problem.memory((0, 1)) == STAGE_BYTES + ALIVE * 8, "one after the other"
    assert problem.memory(range(6)) == STAGE_BYTES + ALIVE * 16
