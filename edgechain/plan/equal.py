"""A model cut into so many stages, for devices that are all alike.

The planner's answer for that many Raspberry Pi 4 on gigabit Ethernet, and a client that no link
holds up. Where fewer boards are as fast it uses fewer; who asks for N stages gets N, of equal work
as far as runs of operators can be.
"""

from __future__ import annotations

import math
from dataclasses import replace

from edgechain.errors import CannotPlace
from edgechain.plan.balance import balance
from edgechain.plan.place import place
from edgechain.plan.topology import Device, problem_on
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.problem import Objective, Problem
from edgechain.spec.topology import DeviceConfig

BOARD = DeviceConfig(board="pi-4")

MOST_PLANNED = 8
"""More stages are balanced only: nobody has so many boards, and a plan for them takes long."""


def for_equal_devices(graph: OpGraph, stages: int) -> Partition:
    """The best cut into exactly so many stages.

    Raises ``CannotCut`` where there are not that many places to cut, and ``ValueError`` for fewer
    than one stage.
    """
    balanced = balance(graph, stages)
    return (_planned(graph, stages) if 1 < stages <= MOST_PLANNED else None) or balanced


def _planned(graph: OpGraph, stages: int) -> Partition | None:
    devices = [Device(f"board-{number}", BOARD) for number in range(stages)]
    try:
        posed = problem_on(graph, devices)
        found = place(_with_quick_client(posed.problem), Objective.THROUGHPUT)
    except CannotPlace:
        return None
    return posed.partition(found) if len(found.shares) == stages else None


def _with_quick_client(problem: Problem) -> Problem:
    """What goes to the client and back is no question of where to cut."""
    boards = (
        replace(board, client_bytes_per_second=math.inf, client_seconds=0.0)
        for board in problem.boards
    )
    return replace(problem, boards=tuple(boards))
