"""Large problems for the planner, the same ones for the same seeds. Pure.

Units as a network's operators have them: work whose logarithm is normal, weights that grow
towards the end, outputs that shrink; devices one to four times as fast as the slowest may be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from edgechain.spec.problem import Board, Problem, Unit, Wire

KINDS: Mapping[str, str] = {
    "alike": "a device is as much faster for every unit",
    "unlike": "every unit has its own ratio on every device, x 0.4 to 2.5",
    "even": "all units take the same on a device",
    "tight": "the devices' memory together is 1.6 times what is needed",
    "barred": "one device cannot run the last tenth, another one not the first",
}
"""What sets a problem apart; each is one of the others, ``alike`` unless it says more."""

UNIT_SECONDS = 2e-3
"""Of the middle unit on the slowest device."""

FIRST_BYTES, LAST_BYTES = 1_500_000, 10_000
"""Of an activation at the beginning and at the end, in the middle."""

UNIT_WEIGHTS = 100_000
"""Bytes of the middle unit."""

SLACK = 1.6
"""Memory of all devices over what is needed, where it is tight."""

BYTES_PER_SECOND = (4e6, 100e6)
MESSAGE_SECONDS = (0.2e-3, 2e-3)
"""Links from busy Wi-Fi to gigabit Ethernet."""

Reads = Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a problem is, and what it has."""

    units: int
    boards: int
    linked: bool = False
    """A link of its own for every pair of devices, each way; without: sending is free."""
    branched: bool = False
    """A net of residual blocks and branches; without: a row."""


def problem(shape: Shape, kind: str, seed: int) -> Problem:
    """One problem."""
    random = Random(f"{shape} {kind} {seed}")
    names = [f"d{place}" for place in range(shape.boards)]
    reads = branched(random, shape.units) if shape.branched else row(shape.units)
    seconds = _seconds(random, kind, shape.units, names)
    units = tuple(
        _unit(random, place, shape.units, reads[place], seconds[place])
        for place in range(shape.units)
    )
    boards = _boards(random, kind, names, sum(unit.memory_bytes for unit in units))
    wires = _wires(random, names) if shape.linked else None
    return Problem(units, boards, wires, name=f"{kind} {seed}")


def row(count: int) -> Reads:
    """Every unit reads the one before it."""
    return [(place - 1,) if place else () for place in range(count)]


def branched(random: Random, count: int) -> Reads:
    """Single units, residual blocks, and two or three branches that meet again."""
    reads: list[tuple[int, ...]] = [()]
    while len(reads) < count:
        start = len(reads) - 1
        branches = random.choice((1, 1, 2, 2, 3))
        if branches == 1:
            reads.append((start,))
            continue
        ends = [_branch(reads, start, random.randint(0, 4)) for _ in range(branches)]
        reads.append(tuple(sorted(set(ends))))
    return reads[:count]


def _branch(reads: list[tuple[int, ...]], start: int, length: int) -> int:
    """Units one behind the other from ``start``; the last of them."""
    for _ in range(length):
        reads.append((start,))
        start = len(reads) - 1
    return start


def _seconds(random: Random, kind: str, count: int, names: Sequence[str]) -> list[dict[str, float]]:
    """By unit, then by device."""
    speeds = {name: random.uniform(1, 4) for name in names}
    every = []
    for _ in range(count):
        base = UNIT_SECONDS * (1 if kind == "even" else _spread(random))
        ratio = {n: 2.5 ** random.uniform(-1, 1) if kind == "unlike" else 1.0 for n in names}
        every.append({name: base * ratio[name] / speeds[name] for name in names})
    if kind == "barred":
        for unit in every[-count // 10 :]:
            del unit[names[0]]
        for unit in every[: count // 10]:
            del unit[names[-1]]
    return every


def _unit(
    random: Random, place: int, count: int, reads: Sequence[int], seconds: Mapping[str, float]
) -> Unit:
    way = place / count
    return Unit(
        f"u{place}",
        tuple(f"u{read}" for read in reads),
        seconds,
        memory_bytes=round(UNIT_WEIGHTS * (0.2 + 3 * way) * _spread(random)),
        output_bytes=round(FIRST_BYTES * (LAST_BYTES / FIRST_BYTES) ** way * _spread(random)),
    )


def _boards(random: Random, kind: str, names: Sequence[str], needed: int) -> tuple[Board, ...]:
    if kind != "tight":
        return tuple(Board(name, needed) for name in names)
    shares = [random.uniform(1, 2) for _ in names]
    room = SLACK * needed / sum(shares)
    return tuple(Board(name, round(room * s)) for name, s in zip(names, shares, strict=True))


def _wires(random: Random, names: Sequence[str]) -> tuple[Wire, ...]:
    slow, fast = map(math.log, BYTES_PER_SECOND)
    return tuple(
        Wire(a, b, math.exp(random.uniform(slow, fast)), random.uniform(*MESSAGE_SECONDS))
        for a in names
        for b in names
        if a != b
    )


def _spread(random: Random) -> float:
    """About 1, seldom a tenth or ten times as much."""
    return math.exp(max(-2.3, min(2.3, random.gauss(0, 0.9))))
