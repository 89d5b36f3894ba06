"""So many stages for devices that are alike: the planner's answer, and exactly so many."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import CannotCut
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan import equal
from edgechain.plan.balance import balance
from edgechain.plan.equal import BOARD, for_equal_devices
from edgechain.plan.score import score
from edgechain.plan.topology import Device, problem_on
from edgechain.plan.units import ModelProblem
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition

DIGITS = Path("tools/demo/digits.tflite")


@pytest.fixture(scope="module")
def graph() -> OpGraph:
    return graph_of(read_model(DIGITS))


def period(graph: OpGraph, partition: Partition) -> float:
    """What a cut comes to on boards of the kind; infinite where it tears a unit apart."""
    posed = problem_on(graph, [Device(f"b{n}", BOARD) for n in range(len(partition.groups))])
    return score(posed.problem, owner(posed, partition)).period


def owner(posed: ModelProblem, partition: Partition) -> list[int]:
    home = {op: place for place, group in enumerate(partition.groups) for op in group}
    return [home[posed.operators[unit.name][0]] for unit in posed.problem.units]


@pytest.mark.parametrize("stages", [2, 3, 4])
def test_it_is_what_the_planner_says(graph: OpGraph, stages: int) -> None:
    found, balanced = for_equal_devices(graph, stages), balance(graph, stages)
    assert len(found.groups) == stages
    assert found.groups != balanced.groups
    assert period(graph, found) < period(graph, balanced)


def test_where_fewer_devices_are_as_fast_there_are_still_so_many(
    graph: OpGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = BOARD.network.model_copy(update={"mbit": 0.01})
    monkeypatch.setattr(equal, "BOARD", BOARD.model_copy(update={"network": slow}))
    assert for_equal_devices(graph, 3).groups == balance(graph, 3).groups


def test_more_than_there_are_places_is_refused(graph: OpGraph) -> None:
    with pytest.raises(CannotCut):
        for_equal_devices(graph, len(graph.operators) + 1)
