"""What no placement can beat, whatever it is: proved, quick, and for every graph."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.problem import Objective, Problem, Unit

_ROUNDS = 60
"""Steps towards the best weights; the bound is a proof after each of them."""

_MANY = 8
"""Devices whose 255 choices are looked at one by one."""

_ROUNDING = 1 - 1e-12


def lower_bound(problem: Problem, objective: Objective) -> float:
    """Seconds below which the objective cannot be."""
    if objective is Objective.LATENCY:
        return longest_path(problem) * _ROUNDING
    largest = max(*least_seconds(problem), *_least_asked(problem), *_least_told(problem))
    weights = best_weights(problem)
    shared = max(shared_work(problem, weights), with_stages(problem, weights))
    return max(largest, shared * _ROUNDING, with_links(problem, weights) * _ROUNDING)


def least_seconds(problem: Problem) -> list[float]:
    """Every unit's work on the device that is quickest with it."""
    return [min(column) for column in zip(*problem.seconds_with_client, strict=True)]


def _least_asked(problem: Problem) -> list[float]:
    """For every unit the least that what it has from the client takes on its way."""
    return [_least_carried(problem, unit, unit.request_bytes) for unit in problem.units]


def _least_told(problem: Problem) -> list[float]:
    """For every unit the least that what it gives the client takes on its way."""
    return [_least_carried(problem, unit, unit.result_bytes) for unit in problem.units]


def _least_carried(problem: Problem, unit: Unit, size: int) -> float:
    able = (board for board in problem.boards if board.name in unit.seconds)
    return min((board.client_carries(size) for board in able), default=math.inf)


def longest_path(problem: Problem) -> float:
    """One request's way when every unit ran at once where it is quickest.

    And all devices were one: only what the client hands in and gets costs anything on its way.
    """
    least, told = least_seconds(problem), _least_told(problem)
    behind = [0.0] * len(least)
    for unit in range(len(least) - 1, -1, -1):
        after = max((behind[reader] for reader in problem.readers[unit]), default=0.0)
        behind[unit] = least[unit] + max(after, told[unit])
    asked = _least_asked(problem)
    return max(start + rest for start, rest in zip(asked, behind, strict=True))


def tails(problem: Problem, seconds: Sequence[float]) -> list[float]:
    """For every unit the longest path behind it, itself left out."""
    behind = [0.0] * len(problem.units)
    for unit in range(len(problem.units) - 1, -1, -1):
        behind[unit] = max((behind[r] + seconds[r] for r in problem.readers[unit]), default=0.0)
    return behind


def shared_work(problem: Problem, weights: Sequence[float]) -> float:
    """A period that all units need even if they could be torn apart: ``weights`` add up to 1.

    Whatever does a unit pays at least its smallest weighted work, and the weighted mean of what
    devices do is never more than the most that one of them does (the dual of the linear relaxation
    of scheduling on unrelated machines).
    """
    return math.fsum(weighted(problem, weights))


def with_stages(problem: Problem, weights: Sequence[float]) -> float:
    """A period that no placement is below, as every device with work pays for its stage, too.

    Whichever devices have work: the weighted mean of what they do and pay is never more than the
    most that one of them does and pays, and every unit weighs at least what it weighs on the
    lightest of them. Nothing is said of very many devices.
    """
    boards, units = problem.boards, np.array(problem.seconds_with_client)
    if len(boards) > _MANY or not any(board.stage_seconds for board in boards):
        return 0.0
    weight = np.array(weights)
    sets = _weighed(problem, weight, weight[:, None] * units)
    return min(weighs / float(weight[rows].sum()) for rows, weighs in sets)


def with_links(problem: Problem, weights: Sequence[float]) -> float:
    """A period that no placement is below, as what takes longer than it to cross does not cross.

    Whatever the period is, units are on one device together where what one hands the other would
    take longer on every link between devices that can run them, or cost either of those longer;
    then they are as good as one unit, and the period is at least what all such units need
    (``shared_work``, and the largest of them). The longer a period, the more may be apart: as long
    as what is needed then is longer still, it is no period of a placement.
    """
    if problem.wire is None:
        return 0.0
    apart = _least_crossing(problem)
    times = sorted({0.0, *(seconds for seconds, _, _ in apart if seconds < math.inf)})
    later = [*times[1:], math.inf]
    units, weight = np.array(problem.seconds_with_client), np.array(weights)

    def needed(place: int) -> float:
        """At least so much if a period is from this time on, and before the next one."""
        together = [(a, b) for seconds, a, b in apart if seconds > times[place]]
        work = _merged(units, together)
        with np.errstate(invalid="ignore"):
            each = np.nan_to_num(weight[:, None] * work, nan=0.0, posinf=math.inf)
        return max(float(work.min(axis=0).max()), float(each.min(axis=0).sum()))

    low, high = 0, len(times) - 1
    while low < high:
        middle = (low + high) // 2
        if needed(middle) <= later[middle]:
            high = middle
        else:
            low = middle + 1
    return max(times[low], min(needed(low), later[low]))


def _least_crossing(problem: Problem) -> list[tuple[float, int, int]]:
    """For every two units of which one reads the other the least seconds if they are apart."""
    wires = [wire for row in problem.wire or () for wire in row if wire is not None]
    names = {board.name: place for place, board in enumerate(problem.boards)}
    ways = [(names[wire.source], names[wire.target], wire) for wire in wires]
    found = []
    for unit, readers in enumerate(problem.readers):
        size = problem.units[unit].output_bytes
        costs = [
            (
                max(
                    wire.carries(size),
                    size * problem.boards[a].send_seconds,
                    size * problem.boards[b].receive_seconds,
                ),
                a,
                b,
            )
            for a, b, wire in ways
            if problem.seconds[a][unit] < math.inf
        ]
        for reader in readers:
            able = (cost for cost, _, b in costs if problem.seconds[b][reader] < math.inf)
            found.append((min(able, default=math.inf), unit, reader))
    return found


def _merged(units: NDArray[np.float64], together: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """By device and set of units that stay together: the work of all of them."""
    first = list(range(units.shape[1]))

    def root(unit: int) -> int:
        while first[unit] != unit:
            first[unit] = first[first[unit]]
            unit = first[unit]
        return unit

    for one, other in together:
        first[root(one)] = root(other)
    _, sets = np.unique([root(unit) for unit in range(len(first))], return_inverse=True)
    work = np.zeros((units.shape[0], int(sets.max()) + 1))
    np.add.at(work.T, sets, units.T)
    return work


def _weighed(
    problem: Problem, weight: NDArray[np.float64], work: NDArray[np.float64]
) -> Iterator[tuple[list[int], float]]:
    """Every set of devices, with what its stages weigh and all units where each is lightest."""
    stages = weight * [board.stage_seconds for board in problem.boards]
    every = range(len(weight))
    for size in every:
        for rows in map(list, combinations(every, size + 1)):
            yield rows, float(stages[rows].sum() + work[rows].min(axis=0).sum())


def bound_with_copies(problem: Problem) -> float:
    """A period that no placement is below, even if several devices run copies of a stage.

    Proof. Every request takes a route, one copy of each stage. A device that takes the share f of
    the requests, t seconds each, is busy for f * t with every request of the chain, and the period
    is at least that. Hence

    - the period is at least the mean of all f * t by weights that add up to 1. That is the mean,
      over all requests, of the weighted times of the devices on their routes. On a route every
      unit is run by one of its devices: all units together weigh at least ``shared_work``. Each
      device on it pays for a stage, too, and together they hold all units; so it weighs at least
      what the lightest set of devices does, if all sets are looked at;
    - the devices that run a unit have f <= period / (work + stage), and no more than their links
      to the client let through of what the unit has from it or tells it. Their f add up to 1: the
      period is at least 1 / sum(1 / seconds) over all devices that can hold and run it.

    The largest unit does not count, as it may be shared, nor does ``with_stages``, nor do links
    between devices and what shares a medium.
    """
    problem = _able(problem)
    seconds = np.array(problem.seconds_with_client)
    with np.errstate(divide="ignore", over="ignore"):
        alone = 1 / (1 / _least_taken(problem, seconds)).sum(axis=0)
    shared = max(
        _lightest_route(problem, np.array(weights), seconds)
        for weights in (best_weights(problem), _by_speed(problem))
    )
    return max(float(alone.max()), shared) * _ROUNDING


def _able(problem: Problem) -> Problem:
    """The same where a device that cannot hold a unit cannot run it."""
    room = {board.name: place for board, place in zip(problem.boards, problem.room, strict=True)}
    units = (
        replace(unit, seconds={b: s for b, s in unit.seconds.items() if need <= room[b]})
        for unit in problem.units
        for need in (unit.memory_bytes + unit.working_bytes,)
    )
    return replace(problem, units=tuple(units))


def _least_taken(problem: Problem, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """By device and unit: what a request takes at least, there or between it and the client."""
    boards, units = problem.boards, problem.units
    staged = seconds + np.array([board.stage_seconds for board in boards])[:, None]
    asked = [[board.client_carries(unit.request_bytes) for unit in units] for board in boards]
    told = [[board.client_carries(unit.result_bytes) for unit in units] for board in boards]
    return np.maximum(staged, np.maximum(asked, told))


def _lightest_route(
    problem: Problem, weight: NDArray[np.float64], seconds: NDArray[np.float64]
) -> float:
    """What any route weighs at least; of very many devices the price of stages is left out."""
    with np.errstate(invalid="ignore"):
        work = np.where(np.isinf(seconds), math.inf, weight[:, None] * seconds)
    if len(weight) > _MANY:
        return float(work.min(axis=0).sum())
    need, room = sum(unit.memory_bytes for unit in problem.units), problem.room
    sets = _weighed(problem, weight, work)
    possible = (weighs for rows, weighs in sets if sum(room[row] for row in rows) >= need)
    return min(possible, default=math.inf)


def _by_speed(problem: Problem) -> list[float]:
    """The weights with which copies of everything on all devices meet the bound."""
    total = [
        sum(seconds) + board.stage_seconds
        for board, seconds in zip(problem.boards, problem.seconds_with_client, strict=True)
    ]
    least = min(total)
    speed = [least / one if 0 < least < math.inf else 1.0 for one in total]
    return [one / sum(speed) for one in speed]


def weighted(problem: Problem, weights: Sequence[float]) -> list[float]:
    """Every unit's smallest weighted work."""
    return [
        min(w * s for w, s in zip(weights, column, strict=True) if s < math.inf)
        if min(column) < math.inf
        else math.inf
        for column in zip(*problem.seconds_with_client, strict=True)
    ]


def best_weights(problem: Problem) -> list[float]:
    """Weights that make ``shared_work`` large: of devices that are slow little, of others more.

    Multiplicative weights (Arora, Hazan and Kale, 2012): who would be given more than the mean
    becomes dearer.
    """
    boards = range(len(problem.boards))
    weights = [1 / len(boards)] * len(boards)
    best, most = weights, -math.inf
    for step in range(_ROUNDS):
        if (bound := shared_work(problem, weights)) > most:
            best, most = weights, bound
        load = _loads(problem, weights)
        mean, rate = sum(load) / len(load) or 1.0, 1.0 / (1 + step) ** 0.5
        raw = [weights[b] * math.exp(rate * (load[b] / mean - 1) / len(boards)) for b in boards]
        weights = [w / sum(raw) for w in raw]
    return best


def _loads(problem: Problem, weights: Sequence[float]) -> list[float]:
    """What every device would do if each unit went where its weighted work is smallest."""
    load = [0.0] * len(weights)
    for column in zip(*problem.seconds_with_client, strict=True):
        priced = [(w * s, b) for b, (w, s) in enumerate(zip(weights, column, strict=True))]
        _, board = min(priced)
        if column[board] < math.inf:
            load[board] += column[board]
    return load
