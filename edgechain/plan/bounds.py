"""What no placement can beat, whatever it is: proved, quick, and for every graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from edgechain.spec.problem import Objective, Problem

_ROUNDS = 60
"""Steps towards the best weights; the bound is a proof after each of them."""

_MANY = 8
"""Devices whose 255 choices are looked at one by one."""

_ROUNDING = 1 - 1e-12


def lower_bound(problem: Problem, objective: Objective) -> float:
    """Seconds below which the objective cannot be."""
    if objective is Objective.LATENCY:
        return longest_path(problem) * _ROUNDING
    largest = max(least_seconds(problem))
    weights = best_weights(problem)
    shared = max(shared_work(problem, weights), with_stages(problem, weights))
    return max(largest, shared * _ROUNDING)


def least_seconds(problem: Problem) -> list[float]:
    """Every unit's work on the device that is quickest with it."""
    return [min(column) for column in zip(*problem.seconds, strict=True)]


def longest_path(problem: Problem) -> float:
    """One request's way when every unit ran at once where it is quickest, and sending were free."""
    least = least_seconds(problem)
    return max(tail + own for tail, own in zip(tails(problem, least), least, strict=True))


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
    boards, units = problem.boards, np.array(problem.seconds)
    if len(boards) > _MANY or not any(board.stage_seconds for board in boards):
        return 0.0
    weight = np.array(weights)
    work = weight[:, None] * units
    stages = weight * [board.stage_seconds for board in boards]
    every = range(len(boards))
    return min(
        float((stages[rows].sum() + work[rows].min(axis=0).sum()) / weight[rows].sum())
        for size in every
        for rows in map(list, combinations(every, size + 1))
    )


def weighted(problem: Problem, weights: Sequence[float]) -> list[float]:
    """Every unit's smallest weighted work."""
    return [
        min(w * s for w, s in zip(weights, column, strict=True) if s < math.inf)
        if min(column) < math.inf
        else math.inf
        for column in zip(*problem.seconds, strict=True)
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
    for column in zip(*problem.seconds, strict=True):
        priced = [(w * s, b) for b, (w, s) in enumerate(zip(weights, column, strict=True))]
        _, board = min(priced)
        if column[board] < math.inf:
            load[board] += column[board]
    return load
