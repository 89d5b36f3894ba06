"""``edgechain profile``: measure what a model needs on this device."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.output import Progress, brief, emit_json, progress_reporter, table
from edgechain.cli.trial import Measuring, node_trials
from edgechain.model.graph import graph_of
from edgechain.model.samples import random_samples
from edgechain.model.source import read_model
from edgechain.model.split import Cut, split
from edgechain.model.timing import Taken, part_seconds
from edgechain.node.local import LocalOptions
from edgechain.plan.balance import cut_places
from edgechain.plan.cost import all_seconds
from edgechain.plan.files import write_document
from edgechain.plan.halves import Ends, halvings, operator_shares, part_price
from edgechain.plan.node_costs import NodeCosts, fitted
from edgechain.runtime.interpreter import InterpreterKind, chosen_kind
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.spec.chain import ModelSource
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import contiguous
from edgechain.spec.profile import DeviceProfile

MOST_LISTED = 10
MB = 1e6


def profile(
    model: Annotated[Path, typer.Argument(help="A .tflite file.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File for the profile.")] = None,
    device: Annotated[str, typer.Option(help="The device's name in the plan.")] = platform.node(),
    threads: Annotated[int, typer.Option(min=1, max=64, help="As the node's.")] = 4,
    interpreter: Annotated[InterpreterKind, typer.Option(help="As the node's.")] = (
        InterpreterKind.AUTO
    ),
    seconds: Annotated[
        float, typer.Option(min=0.05, max=600, help="For every halving of the model.")
    ] = 2.0,
    node: Annotated[
        bool, typer.Option("--node/--no-node", help="Also what nodes that run it spend besides.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what every operator takes on this device, with the node's own interpreter."""
    whole = read_model(model)
    graph = graph_of(whole)
    options = LocalOptions(
        threads=threads, interpreter=interpreter.value, namespace=f"profile-{uuid.uuid4().hex}"
    )
    with (
        progress_reporter() as progress,
        IsolatedInterpreter(interpreter, threads) as isolated,
    ):
        what = Measuring(whole, graph, isolated, options, seconds)
        measured = _measure(what, progress)
        costs = NodeCosts(measured.call, 0.0, 0.0)
        if node:
            costs = fitted(node_trials(what, progress)).times(_stretch(what, measured.whole))
    found = DeviceProfile(
        device=device,
        model=ModelSource(file=model.name, sha256=whole.sha256),
        interpreter=chosen_kind(interpreter),
        threads=threads,
        operator_ms=tuple(round(taken * 1000, 6) for taken in measured.operators),
        stage_ms=round(costs.stage * 1000, 6),
        send_ms_per_mb=round(costs.send * 1000 * MB, 6),
        receive_ms_per_mb=round(costs.receive * 1000 * MB, 6),
    )
    if out is not None:
        write_document(out, found)
    if as_json:
        emit_json(found.model_dump(mode="json"))
    else:
        show(graph, found, out)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Seconds of every operator, of the whole model, and of one call of the interpreter more."""

    operators: list[float]
    whole: Taken
    call: float


def _measure(what: Measuring, progress: Progress) -> _Measured:
    """The whole model again and again, and between that its halves, their halves, and so on."""
    estimated = all_seconds(what.graph)
    levels = halvings(len(what.graph.operators), cut_places(what.graph), estimated)
    uncut = _cut(what, ())
    wholes, parts = [], []
    for number, ends in enumerate(levels):
        progress("measuring", number, len(levels))
        wholes += _parts(what, uncut, what.seconds / 2)
        parts.append(_parts(what, _cut(what, ends), what.seconds) if ends else [])
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


def _parts(what: Measuring, cut: Cut, seconds: float) -> list[Taken]:
    """Every part in turn, all of them together for so long."""
    (sample,) = random_samples(what.model, count=1, seed=0)
    each = seconds / len(cut.submodels)
    return part_seconds(cut, sample, open_timed=what.isolated.open, seconds=each)


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


def show(graph: OpGraph, found: DeviceProfile, out: Path | None) -> None:
    """Print a profile for people."""
    total = sum(found.operator_ms)
    slowest = sorted(range(len(found.operator_ms)), key=lambda op: -found.operator_ms[op])
    rows = []
    for op in slowest[:MOST_LISTED]:
        operator = graph.operators[op]
        name = brief(graph.tensors[operator.outputs[0]].name) if operator.outputs else ""
        taken = found.operator_ms[op]
        share = f"{taken / total:.1%}" if total else ""
        rows.append((op, operator.kind, f"{taken:.3f}", share, name))
    typer.echo(
        f"{found.model.file} on {found.device}: {total:.3f} ms a run, {found.interpreter}, "
        f"{found.threads} threads"
    )
    typer.echo(
        f"besides {found.stage_ms:.3f} ms for every stage, {found.send_ms_per_mb:.3f} ms to send "
        f"a megabyte to another node, {found.receive_ms_per_mb:.3f} ms to receive one"
    )
    table(("#", "operator", "ms", "share", "tensor"), rows, "The slowest operators")
    if out is not None:
        typer.echo(f"Written to {out}")
