"""Boards by name, for devices that were not measured: rough, and said to be rough.

The rates of a Raspberry Pi 4 are those of ``plan.cost``. For the others they are scaled:

- Pi 5: four Cortex-A76 at 2.4 GHz; "between two and three times" the processor performance of a
  Pi 4 and LPDDR4X at 4,267 instead of 2,000 mega-transfers (Raspberry Pi Ltd, announcement of
  September 2023). The A76 has the dot-product instructions that the A72 lacks (Arm Cortex-A76
  software optimization guide), which helps 8-bit products most.
- Zero 2 W: four Cortex-A53 at 1.0 GHz with LPDDR2 (Raspberry Pi Zero 2 W product brief); the A53
  finishes half as many float products a cycle as the A72 (Arm Cortex-A53 and A72 guides).

Four threads do not make a network four times as fast: operators are short, and share one memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.plan.cost import CORTEX_A72, Rates, all_seconds
from edgechain.spec.graph import OpGraph

CORTEX_A76 = Rates(float_macs=12.5e9, integer_macs=40e9, bytes=6.5e9, call=2.5e-6)
CORTEX_A53 = Rates(float_macs=1.7e9, integer_macs=3.4e9, bytes=1.2e9, call=12e-6)

PARALLEL_SHARE = 0.85
"""Of the work that more threads make shorter (Amdahl): 2.8 times as fast on four cores."""


@dataclass(frozen=True, slots=True)
class NamedBoard:
    """A kind of board: one core's rates, its cores, and what a submodel may take of its memory.

    ``stage_ms`` and ``ms_per_mb`` are what the processor spends on a stage's request and on a
    megabyte sent or received.
    """

    rates: Rates
    cores: int
    memory_mb: float
    stage_ms: float
    ms_per_mb: float


BOARDS = {
    "pi-4": NamedBoard(CORTEX_A72, 4, 1500.0, 1.5, 3.0),
    "pi-5": NamedBoard(CORTEX_A76, 4, 3500.0, 0.6, 1.2),
    "pi-zero-2w": NamedBoard(CORTEX_A53, 4, 250.0, 4.0, 8.0),
}
"""Memory: of 2 GB, 4 GB and 512 MB, less what the system, the node and its slots take."""


def estimated_seconds(graph: OpGraph, board: NamedBoard, threads: int) -> tuple[float, ...]:
    """Every operator's seconds on a board that was not measured."""
    used = min(threads, board.cores)
    speed = 1 / (1 - PARALLEL_SHARE + PARALLEL_SHARE / used)
    return tuple(seconds / speed for seconds in all_seconds(graph, board.rates))
