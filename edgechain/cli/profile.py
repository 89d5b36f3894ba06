"""``edgechain profile``: measure what a model needs on this device."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.output import Progress, brief, emit_json, progress_reporter, table
from edgechain.model.graph import graph_of
from edgechain.model.samples import random_samples
from edgechain.model.source import Model, read_model
from edgechain.model.split import split
from edgechain.model.timing import part_seconds
from edgechain.plan.balance import cut_places
from edgechain.plan.cost import all_seconds
from edgechain.plan.files import write_document
from edgechain.plan.halves import halvings, operator_shares, part_price
from edgechain.runtime.interpreter import InterpreterKind, chosen_kind
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.spec.chain import ModelSource
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import contiguous
from edgechain.spec.profile import DeviceProfile

MOST_LISTED = 10


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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what every operator takes on this device, with the node's own interpreter."""
    whole = read_model(model)
    graph = graph_of(whole)
    with (
        progress_reporter() as progress,
        IsolatedInterpreter(interpreter, threads) as isolated,
    ):
        operators, call = _measure(whole, graph, isolated, seconds, progress)
    found = DeviceProfile(
        device=device,
        model=ModelSource(file=model.name, sha256=whole.sha256),
        interpreter=chosen_kind(interpreter),
        threads=threads,
        operator_ms=tuple(round(taken * 1000, 6) for taken in operators),
        stage_ms=round(call * 1000, 6),
    )
    if out is not None:
        write_document(out, found)
    if as_json:
        emit_json(found.model_dump(mode="json"))
    else:
        show(graph, found, out)


def _measure(
    model: Model,
    graph: OpGraph,
    isolated: IsolatedInterpreter,
    seconds: float,
    progress: Progress,
) -> tuple[list[float], float]:
    """Seconds of every operator, and of one call more."""
    estimated = all_seconds(graph)
    levels = halvings(len(graph.operators), cut_places(graph), estimated)
    (sample,) = random_samples(model, count=1, seed=0)
    taken = []
    for number, ends in enumerate(levels):
        progress("measuring", number, len(levels))
        cut = split(model, contiguous(graph, ends))
        each = seconds / len(cut.submodels)
        taken.append(part_seconds(cut, sample, open_timed=isolated.open, seconds=each))
    progress("measuring", len(levels), len(levels))
    return operator_shares(levels, taken, estimated), part_price(levels, taken)


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
        f"{found.threads} threads; {found.stage_ms:.3f} ms for every further stage"
    )
    table(("#", "operator", "ms", "share", "tensor"), rows, "The slowest operators")
    if out is not None:
        typer.echo(f"Written to {out}")
