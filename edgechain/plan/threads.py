"""How many threads each device is to have for its share, where several numbers were measured.

More threads help large operators and slow small ones down, so the best number follows from the
share, and the share from the number. The two are chosen in turns: from the profiles that are best
for the whole model to a placement, to the profiles that are best for its shares, to a placement
with those, until nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from edgechain.errors import CannotPlace
from edgechain.plan.compare import Option, as_option, as_shared, beside_unsplit
from edgechain.plan.place import place
from edgechain.plan.sharing import place_shared
from edgechain.plan.topology import Device, operator_seconds, problem_on
from edgechain.plan.trade import between
from edgechain.plan.units import ModelProblem
from edgechain.spec.graph import OpGraph
from edgechain.spec.plan import SAME, Placement
from edgechain.spec.problem import Objective, Problem
from edgechain.spec.profile import DeviceProfile, LinkCosts

MOST_ROUNDS = 4
"""Placements that are looked for; the second or third is mostly the first one again."""


@dataclass(frozen=True)
class Posed:
    """Where to place a model, and the devices with the profiles in use that it was made of."""

    devices: tuple[Device, ...]
    model: ModelProblem

    @property
    def problem(self) -> Problem:
        """The problem itself."""
        return self.model.problem

    @property
    def threads(self) -> tuple[int, ...]:
        """Of every device."""
        return tuple(device.used_threads for device in self.devices)


@dataclass(frozen=True)
class Planned:
    """A placement of a model in ``posed``; in ``whole`` each device is at its best for all of it.

    The devices of both are in the same order.
    """

    posed: Posed
    found: Placement
    whole: Posed
    single: Placement | None = None
    """The best without copies, where there might have been some."""

    @property
    def option(self) -> Option:
        """The same among other plans."""
        problem, threads, whole = self.posed.problem, self.posed.threads, self.whole.problem
        if self.single is not None:
            return as_shared(problem, self.found, self.single, whole, threads)
        return as_option(problem, self.found, whole, threads)

    @property
    def value(self) -> float:
        """The seconds that were to be small."""
        return self.found.score.value(self.found.objective)


def posed(graph: OpGraph, devices: Sequence[Device]) -> Posed:
    """The problem that these devices make. Raises ``CannotPlace``."""
    return Posed(tuple(devices), problem_on(graph, devices))


def planned(graph: OpGraph, devices: Sequence[Device], objective: Objective) -> Planned:
    """The best that was found. Raises ``CannotPlace`` where nothing fits.

    Its bound is proved for every choice of profiles.
    """
    every = range(len(graph.operators))
    whole = posed(graph, [_quickest(graph, device, every) for device in devices])
    best = _settled(graph, devices, whole, whole, partial(place, objective=objective))
    if objective is Objective.THROUGHPUT and _is_choice(devices):
        best = _or_single(graph, devices, best)
    return best


def _or_single(graph: OpGraph, devices: Sequence[Device], best: Planned) -> Planned:
    """The same or a better one with one stage on each device.

    Those are looked for by themselves: taking turns ends at what is best beside it, and shares of
    several stages lead to other threads.
    """
    try:
        one = _settled(graph, devices, best.whole, best.whole, _place_single)
    except CannotPlace:
        return best
    if one.value >= best.value / SAME:
        return best
    proved = best.found
    return replace(one, found=one.found.beside(proved.lower_bound, proved.single_bound))


def _place_single(problem: Problem) -> Placement:
    return place(replace(problem, several_stages=False), Objective.THROUGHPUT)


def _is_choice(devices: Iterable[Device]) -> bool:
    return any(len(device.variants) > 1 for device in devices)


def planned_with_copies(graph: OpGraph, devices: Sequence[Device]) -> Planned:
    """The best for throughput that was found if devices may run copies. Raises ``CannotPlace``.

    Its bound is proved for every choice of profiles.
    """
    single = planned(graph, devices, Objective.THROUGHPUT)
    best = _settled(graph, devices, single.posed, single.whole, place_shared)
    return replace(best, single=single.found)


def _settled(
    graph: OpGraph,
    devices: Sequence[Device],
    now: Posed,
    whole: Posed,
    placed: Callable[[Problem], Placement],
) -> Planned:
    """The best of the placements that are looked for, the first one in ``now``."""
    found: list[Planned] = []
    while len(found) < MOST_ROUNDS:
        found.append(Planned(now, placed(now.problem), whole))
        better = _for_shares(graph, found[-1])
        if better == now.devices:
            break
        now = posed(graph, better)
    best = min(found, key=lambda one: (one.value, one.found.score.latency))
    if _is_choice(devices):
        least = placed(_never_slower(graph, devices))
        single = None if best.found.single_bound is None else least.single_bound
        best = replace(best, found=best.found.beside(least.lower_bound, single))
    return best


def compared_on(graph: OpGraph, devices: Sequence[Device]) -> tuple[Option, ...]:
    """No split, if one device can do it all, and the best for each objective, in that order.

    Raises ``CannotPlace`` where nothing fits.
    """
    best = [planned(graph, devices, objective) for objective in Objective]
    whole = best[0].whole
    return beside_unsplit(whole.problem, [one.option for one in best], whole.threads)


def traded_on(graph: OpGraph, devices: Sequence[Device]) -> tuple[tuple[Option, ...], str]:
    """Plans of which no other is better in both ways, by period, and how complete they are.

    Raises ``CannotPlace`` where nothing fits.
    """
    fast, short = (planned(graph, devices, objective) for objective in Objective)
    others = any(len(device.variants) > 1 for device in devices)
    return between(fast.option, short.option, fast.whole.problem, others=others)


def _for_shares(graph: OpGraph, one: Planned) -> tuple[Device, ...]:
    """The devices with the profiles that are best for all they are to do, in whatever stages."""
    groups = one.posed.model.partition(one.found).groups
    work: dict[int, list[tuple[int, ...]]] = {}
    for share, group in zip(one.found.shares, groups, strict=True):
        for board in share.boards:
            work.setdefault(board, []).append(group)
    return tuple(
        _quickest(graph, device, chain(*work[number]), stages=len(work[number]))
        if number in work
        else device
        for number, device in enumerate(one.posed.devices)
    )


def _quickest(
    graph: OpGraph, device: Device, operators: Iterable[int], *, stages: int = 1
) -> Device:
    """With the profile that does these operators in the least time, the one in use if several."""
    group = tuple(operators)

    def seconds(one: Device) -> float:
        each = operator_seconds(graph, one)
        able = math.fsum(each[op] for op in group if each[op] < math.inf)
        return able + (stages * one.profile.stage_ms / 1000 if one.profile else 0.0)

    return min(device.variants, key=seconds)


def _never_slower(graph: OpGraph, devices: Sequence[Device]) -> Problem:
    """With everything as short as it is in any profile of its device."""
    least = (replace(device, profile=_least(device), others=()) for device in devices)
    return problem_on(graph, tuple(least)).problem


def _least(device: Device) -> DeviceProfile | None:
    if device.profile is None:
        return None
    every = (device.profile, *device.others)
    operators = zip(*(one.operator_ms for one in every), strict=True)
    loops = [one.over_loopback for one in every]
    return device.profile.model_copy(
        update={
            "operator_ms": tuple(map(min, operators)),
            "stage_ms": min(one.stage_ms for one in every),
            "send_ms_per_mb": min(one.send_ms_per_mb for one in every),
            "receive_ms_per_mb": min(one.receive_ms_per_mb for one in every),
            "loopback": LinkCosts(
                send_ms_per_mb=max(loop.send_ms_per_mb for loop in loops),
                receive_ms_per_mb=max(loop.receive_ms_per_mb for loop in loops),
                message_ms=max(loop.message_ms for loop in loops),
            ),
            "packing": device.packing,
        }
    )
