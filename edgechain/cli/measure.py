"""What a model needs on this device, measured: the heart of `edgechain profile`.

Without the command line's libraries, because a board has none of them and is to be measured too.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgechain.cli.packing import PackingMeter
from edgechain.cli.trial import Measuring, node_trials
from edgechain.model.graph import graph_of
from edgechain.model.samples import random_samples
from edgechain.model.source import Model
from edgechain.model.split import Cut, split
from edgechain.model.timing import Look, Taken, look_away, part_seconds
from edgechain.node.local import LocalOptions
from edgechain.plan.balance import cut_places
from edgechain.plan.cost import all_seconds
from edgechain.plan.halves import Ends, halvings, operator_shares, part_price
from edgechain.plan.node_costs import NodeCosts, fitted
from edgechain.runtime.interpreter import InterpreterKind, chosen_kind
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.spec.chain import ModelSource
from edgechain.spec.partition import contiguous
from edgechain.spec.profile import DeviceProfile
from edgechain.spec.progress import Progress

MB = 1e6


@dataclass(frozen=True, slots=True)
class Wish:
    """How a model is to be measured.

    ``seconds`` are for every halving of the model; ``nodes`` says whether nodes are to run it, too,
    for what they spend besides the interpreter.
    """

    device: str
    threads: int
    interpreter: Literal["auto", "litert", "tflite"]
    seconds: float
    nodes: bool


def measured(whole: Model, wish: Wish, progress: Progress) -> DeviceProfile:
    """The model's profile here. Raises what the interpreter or a node has against it."""
    kind = InterpreterKind(wish.interpreter)
    options = LocalOptions(
        threads=wish.threads,
        interpreter=wish.interpreter,
        namespace=f"profile-{uuid.uuid4().hex}",
    )
    with IsolatedInterpreter(kind, wish.threads) as isolated:
        what = Measuring(whole, graph_of(whole), isolated, options, wish.seconds)
        meter = PackingMeter(what.graph)
        found = _measure(what, meter.look, progress)
        costs, stretch, loopback = NodeCosts(found.call, 0.0, 0.0), 1.0, None
        if wish.nodes:
            tried = node_trials(what, progress)
            stretch = _stretch(what, found.whole)
            costs, loopback = fitted(tried.trials).times(stretch), tried.loopback
    return DeviceProfile(
        device=wish.device,
        model=ModelSource(file=whole.file, sha256=whole.sha256),
        interpreter=chosen_kind(kind),
        threads=wish.threads,
        operator_ms=tuple(round(taken * 1000, 6) for taken in found.operators),
        stage_ms=round(costs.stage * 1000, 6),
        send_ms_per_mb=round(costs.send * 1000 * MB, 6),
        receive_ms_per_mb=round(costs.receive * 1000 * MB, 6),
        loopback=loopback,
        packing=meter.found(stretch),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Seconds of every operator, of the whole model, and of one call of the interpreter more."""

    operators: list[float]
    whole: Taken
    call: float


def _measure(what: Measuring, look: Look, progress: Progress) -> _Measured:
    """The whole model again and again, and between that its halves, their halves, and so on.

    Every tensor between parts is shown to ``look``.
    """
    estimated = all_seconds(what.graph)
    levels = halvings(len(what.graph.operators), cut_places(what.graph), estimated)
    uncut = _cut(what, ())
    wholes, parts = [], []
    for number, ends in enumerate(levels):
        progress("measuring", number, len(levels))
        wholes += _parts(what, uncut, what.seconds / 2)
        parts.append(_parts(what, _cut(what, ends), what.seconds, look) if ends else [])
    progress("measuring", len(levels), len(levels))
    whole = _mean(wholes)
    taken = [_alike(part, what.options.threads) for part in ([whole], *parts[1:])]
    stretch = whole.clock / taken[0][0]
    shared = [[whole.clock], *taken[1:]]
    return _Measured(
        operator_shares(levels, shared, estimated), whole, part_price(levels, taken) * stretch
    )


def _cut(what: Measuring, ends: Ends) -> Cut:
    return split(what.model, contiguous(what.graph, ends))


def _parts(what: Measuring, cut: Cut, seconds: float, look: Look = look_away) -> list[Taken]:
    """Every part in turn, all of them together for so long."""
    (sample,) = random_samples(what.model, count=1, seed=0)
    each = seconds / len(cut.submodels)
    return part_seconds(cut, sample, open_timed=what.isolated.open, seconds=each, look=look)


def _alike(parts: Sequence[Taken], threads: int) -> list[float]:
    """Seconds that can be compared: of the processor, which nobody takes away, for one thread."""
    return [each.processor if threads == 1 else each.clock for each in parts]


def _mean(taken: Sequence[Taken]) -> Taken:
    clock, processor = (sum(e.clock for e in taken), sum(e.processor for e in taken))
    return Taken(clock / len(taken), processor / len(taken))


def _stretch(what: Measuring, whole: Taken) -> float:
    """How much longer than the processor's a second of one thread is on the clock, 1 at least."""
    if what.options.threads > 1:
        with IsolatedInterpreter(InterpreterKind(what.options.interpreter)) as single:
            alone = Measuring(what.model, what.graph, single, what.options, what.seconds)
            whole = _mean(_parts(alone, _cut(alone, ()), what.seconds / 2))
    return max(1.0, whole.clock / whole.processor)
