"""What a node's processor spends on a request besides its stage's operators, from a few trials.

Every trial is a node that ran one stage: a request cost it so much for having a stage at all, and
so much for each byte that came or went. Which of the two it was shows where stages differ in their
bytes, so at least one of the trials should have had many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np

from edgechain.plan.balance import crossing_bytes, cut_places
from edgechain.spec.chain import ChainManifest
from edgechain.spec.graph import OpGraph
from edgechain.spec.ids import StageName

Ends = tuple[int, ...]
"""The last operator of every part but the last, as ``spec.partition.contiguous`` takes them."""

NOTICED_BYTES = 100_000
"""Fewer cost less than a trial's noise, and a price from them would mean nothing."""

OPERATORS_DOUBT, COSTS_DOUBT = 0.02, 0.1
"""Shares: how far two measurements of the same operators were apart, and how far the costs of one
trial were from those of the others."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of tensors that a request brings to a node and takes away from it."""

    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One node with one stage: the processor's seconds a request besides those of its operators."""

    seconds: float
    operators: float
    traffic: Traffic

    @property
    def doubt(self) -> float:
        """Seconds that it may be off: a difference, of costs that are not quite straight lines."""
        return OPERATORS_DOUBT * self.operators + COSTS_DOUBT * abs(self.seconds)


@dataclass(frozen=True, slots=True)
class NodeCosts:
    """Seconds of the processor for every request of a stage, and for every byte."""

    stage: float
    send: float
    receive: float

    def seconds(self, traffic: Traffic) -> float:
        """For one request."""
        return self.stage + traffic.sent * self.send + traffic.received * self.receive

    def times(self, factor: float) -> NodeCosts:
        """Where a second of the processor takes longer on the clock."""
        return NodeCosts(self.stage * factor, self.send * factor, self.receive * factor)


def trial_cuts(graph: OpGraph) -> list[Ends]:
    """Cuts worth a trial: none, where the fewest bytes cross, and where the most do."""
    crossing = crossing_bytes(graph)
    places = sorted(cut_places(graph), key=lambda place: crossing[place])
    return [(), *dict.fromkeys((place,) for place in (*places[:1], *places[-1:]))]


def traffic(manifest: ChainManifest) -> dict[StageName, Traffic]:
    """What comes and goes at every stage's node, where each is on one of its own.

    A tensor that several stages want is sent to each of them. Open dimensions count as 1.
    """
    received = {stage.name: 0 for stage in manifest.stages}
    sent = dict(received)
    for edge in manifest.edges:
        size = prod(map(abs, edge.tensor.shape)) * edge.tensor.dtype.itemsize
        for target in edge.targets:
            received[target] += size
        if edge.source is not None:
            sent[edge.source] += size * (len(edge.targets) + edge.to_client)
    return {name: Traffic(received[name], sent[name]) for name in received}


def fitted(trials: Sequence[Trial]) -> NodeCosts:
    """The costs that explain the trials best, none below zero (non-negative least squares).

    What the trials cannot tell apart counts as the stage's.
    """
    rows = np.array([[1.0, t.traffic.sent, t.traffic.received] for t in trials])
    seconds = np.array([t.seconds for t in trials])
    weight = 1 / np.array([t.doubt or 1.0 for t in trials])
    noticed = [column for column in (1, 2) if np.ptp(rows[:, column]) >= NOTICED_BYTES]
    best, least = np.zeros(3), np.inf
    for columns in _choices(noticed):
        found = np.zeros(3)
        chosen = (rows[:, columns] * weight[:, None], seconds * weight)
        found[list(columns)] = np.linalg.lstsq(*chosen, rcond=None)[0]
        off = float(np.sum(((rows @ found - seconds) * weight) ** 2))
        if np.all(found >= 0) and off < least * (1 - 1e-9):
            best, least = found, off
    return NodeCosts(*map(float, best))


def _choices(noticed: Sequence[int]) -> Iterable[tuple[int, ...]]:
    """Columns that may have a price, few first; the stage always."""
    for count in range(len(noticed) + 1):
        for some in combinations(noticed, count):
            yield (0, *some)
