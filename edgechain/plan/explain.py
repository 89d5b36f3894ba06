"""A placement in words and numbers: what limits it, how far it is from the best, what helps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from edgechain.errors import CannotPlace
from edgechain.plan.place import SEARCHED_UNITS, alone, place
from edgechain.spec.plan import Placement, Share
from edgechain.spec.problem import Board, Objective, Problem, Unit

WORTH = 0.02
"""Help of less than that is not worth a board."""

MOST_WORK = 64
"""Units times devices of a graph that is no chain: a second or two for every device tried."""

MOST_BOARDS = 10
"""With one more than that the planner takes seconds for every device it might be."""


@dataclass(frozen=True, slots=True)
class Help:
    """One more device like ``board`` makes the objective's seconds smaller by that share."""

    board: str
    share: float

    @property
    def gain(self) -> float:
        """By how much more there is of it: frames a second, or of the way; may be infinite."""
        return 1 / (1 - self.share) - 1 if self.share < 1 else math.inf


def as_document(problem: Problem, found: Placement) -> dict[str, Any]:
    """What ``--json`` prints; milliseconds. ``packed`` is there where something crosses packed."""
    told = {
        "objective": str(found.objective),
        "split": found.is_split,
        "period_ms": found.score.period * 1000,
        "latency_ms": found.score.latency * 1000,
        "lower_bound_ms": found.lower_bound * 1000,
        "exact": found.is_exact,
        "groups": [_group(problem, share, all_devices=found.has_copies) for share in found.shares],
        "limits": found.score.limits,
    }
    if found.packed:
        told["packed"] = [_packed(problem.units[unit]) for unit in found.packed]
    return told


def _packed(unit: Unit) -> dict[str, Any]:
    """An output that crosses packed, in bytes."""
    return {"unit": unit.name, "bytes": unit.output_bytes, "packed_bytes": unit.packed_bytes}


def packed_words(problem: Problem, found: Placement) -> list[str]:
    """Every output that crosses packed, and before it the share of its bytes that cross."""
    units = (problem.units[unit] for unit in found.packed)
    return [f"{(u.packed_bytes or 0) / u.output_bytes:.2f} of {u.name}" for u in units]


def _group(problem: Problem, share: Share, *, all_devices: bool) -> dict[str, Any]:
    """What one device does, and with copies in the plan which ones do it."""
    group: dict[str, Any] = {
        "device": problem.boards[share.board].name,
        "units": [problem.units[unit].name for unit in share.units],
        "work_ms": share.seconds * 1000,
    }
    if all_devices:
        group["devices"] = [problem.boards[board].name for board in share.boards]
    return group


def verdict(problem: Problem, found: Placement) -> str:
    """One sentence: split it, or do not, and what that is worth."""
    name = problem.boards[found.shares[0].board].name
    if not found.is_split:
        proved = found.is_exact or found.is_best_single
        why = "is as fast as any split of it" if proved else "beats every split we found"
        if proved and not found.is_exact:
            why = f"{why} with one stage on each device"
        return f"do not split: {name} alone {why} ({figures(found)})"
    single = alone(problem, found.objective, found.lower_bound)
    what = f"split over {len(found.boards)} devices: {figures(found)}"
    if single is None:
        return f"{what}; no device can hold or run all of it"
    best = problem.boards[single.shares[0].board].name
    value = found.score.value(found.objective)
    if not value:
        return f"{what}; {best} alone: {figures(single)}"
    ratio = single.score.value(found.objective) / value
    return f"{what}; {ratio:.2f} times as fast as {best} alone ({figures(single)})"


def proof(found: Placement) -> str:
    """How far from the best it can be."""
    if found.is_exact:
        return "proved: no placement of these units on these devices is better"
    bound = f"{found.lower_bound * 1000:.3f} ms: at most {found.gap:.1%} could be gained"
    if found.is_best_single:
        one = "proved: no placement with one stage on each device is better"
        return f"{one}; with several none is below {bound}"
    return f"no placement is below {bound}"


def what_helps(problem: Problem, found: Placement) -> list[Help]:
    """Which device, if there were a second one like it, helps; the best first."""
    if len(problem.boards) >= MOST_BOARDS or _is_laborious(problem, found.objective):
        return []
    helps = sorted(_helps(problem, found), key=lambda one: -one.share)
    return [one for one in helps if one.share >= WORTH]


def _is_laborious(problem: Problem, objective: Objective) -> bool:
    """Whether the planner would search for a minute; it does not search what is too large."""
    if problem.is_chain or len(problem.units) * len(problem.boards) <= MOST_WORK:
        return False
    staged = problem.several_stages and objective is Objective.LATENCY
    return staged or len(problem.units) <= SEARCHED_UNITS


def _unlike(problem: Problem) -> list[Board]:
    """One of every kind of device: those that do everything alike are one."""
    kinds: dict[object, Board] = {}
    for number, board in enumerate(problem.boards):
        kinds.setdefault(problem.kind(number), board)
    return list(kinds.values())


def _helps(problem: Problem, found: Placement) -> Iterator[Help]:
    """Where devices have one stage each now, with one stage on each."""
    value = found.score.value(found.objective)
    if not found.is_staged and found.objective is Objective.THROUGHPUT:
        problem = replace(problem, several_stages=False)
    for board in _unlike(problem):
        try:
            better = place(with_twin(problem, board), found.objective)
        except CannotPlace:
            continue
        yield Help(board.name, 1 - better.score.value(found.objective) / value if value else 0.0)


def with_twin(problem: Problem, board: Board) -> Problem:
    """The same with one more device like ``board``, on the same links.

    Between the two there is a link like the quickest that ``board`` has.
    """
    twin = _free_name(problem, board.name)
    units = tuple(_for_both(unit, board.name, twin) for unit in problem.units)
    wires = problem.wires
    if wires is not None:
        out = [replace(w, source=twin) for w in wires if w.source == board.name]
        back = [replace(w, target=twin) for w in wires if w.target == board.name]
        best = max((*out, *back), key=lambda w: w.bytes_per_second, default=None)
        between = []
        if best is not None:
            there = replace(best, source=board.name, target=twin)
            between = [there, replace(there, source=twin, target=board.name)]
        wires = (*wires, *out, *back, *between)
    boards = (*problem.boards, replace(board, name=twin))
    return replace(problem, units=units, boards=boards, wires=wires)


def _for_both(unit: Unit, name: str, twin: str) -> Unit:
    if name not in unit.seconds or unit.is_pinned:
        return unit
    return replace(unit, seconds={**unit.seconds, twin: unit.seconds[name]})


def _free_name(problem: Problem, name: str) -> str:
    taken = {board.name for board in problem.boards}
    twin = f"another {name}"
    while twin in taken:
        twin = f"another {twin}"
    return twin


def figures(found: Placement) -> str:
    """What was to be small as people say it: frames a second, or a frame's milliseconds."""
    if found.objective is Objective.LATENCY:
        return f"{_three_digits(found.score.latency * 1000)} ms a frame"
    period = found.score.period
    return f"{_three_digits(1 / period)} frames/s" if period else "no time at all"


def both_figures(found: Placement) -> str:
    """What a placement comes to in either way."""
    every = (figures(replace(found, objective=objective)) for objective in Objective)
    return ", ".join(every)


def _three_digits(value: float) -> str:
    """As much as can be known of an estimate, and no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
