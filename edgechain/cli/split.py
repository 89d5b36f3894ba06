"""``edgechain split``: cut a model into a chain, proved equal to the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgechain.cli.output import (
    brief,
    briefly,
    dimensions,
    emit_json,
    progress_reporter,
    size,
    table,
)
from edgechain.model.chain import Plan, SplitReport, make_chain
from edgechain.model.given import read_given
from edgechain.model.graph import graph_of
from edgechain.model.hand_made import read_plan, read_planned
from edgechain.model.layers import cut_after
from edgechain.model.manifest import MAX_BATCH
from edgechain.model.source import Model, read_model
from edgechain.plan.equal import for_equal_devices
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.spec.chain import MAX_STAGES
from edgechain.spec.graph import OpGraph

DEFAULT_STAGES = 2


def split(
    model: Annotated[Path, typer.Argument(help="A .tflite file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Directory for the chain.")],
    stages: Annotated[
        int | None,
        typer.Option(help="How many stages, as planned for equal boards. [default: 2]"),
    ] = None,
    cut: Annotated[
        list[str] | None, typer.Option(help="Cut after this tensor or layer; repeatable.")
    ] = None,
    partition: Annotated[
        Path | None, typer.Option(help="YAML file saying which operators go together.")
    ] = None,
    plan_file: Annotated[
        Path | None, typer.Option("--plan", help="What `edgechain plan MODEL -o FILE` wrote.")
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", help=".npz of real inputs to prove with as well.")
    ] = None,
    max_batch: Annotated[
        int, typer.Option(min=1, help="Largest batch, where the model leaves it open.")
    ] = MAX_BATCH,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cut a model into submodels and chain.yaml, and prove the parts equal to the whole."""
    _check_usage(stages, cut, partition, plan_file)
    whole = read_model(model)
    graph = graph_of(whole)
    if plan_file is not None:
        plan = read_planned(plan_file, whole, graph)
    else:
        plan = _plan(whole, graph, stages, cut, partition)
    given = [read_given(input_file, whole)] if input_file is not None else []
    with progress_reporter() as progress, IsolatedInterpreter() as interpreter:
        report = make_chain(
            whole,
            plan,
            out,
            open_runner=interpreter.open,
            progress=progress,
            inputs=given,
            name=out.resolve().name,
            max_batch=max_batch,
            source=model,
        )
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        emit_json(as_document(report))
    else:
        show(report)


def _check_usage(
    stages: int | None, cut: list[str] | None, partition: Path | None, plan_file: Path | None
) -> None:
    if sum(choice is not None for choice in (stages, cut or None, partition, plan_file)) > 1:
        raise typer.BadParameter("give one of --stages, --cut, --partition and --plan")
    if stages is not None and not 1 <= stages <= MAX_STAGES:
        raise typer.BadParameter(f"must be 1 to {MAX_STAGES}", param_hint="--stages")


def _plan(
    model: Model, graph: OpGraph, stages: int | None, cut: list[str] | None, partition: Path | None
) -> Plan:
    if partition is not None:
        return read_plan(partition, graph)
    if cut:
        return Plan(cut_after(model, graph, cut))
    if stages is not None and stages > len(graph.operators):
        raise typer.BadParameter(
            f"the model has only {len(graph.operators)} operators",
            param_hint="--stages",
        )
    return Plan(for_equal_devices(graph, stages or min(DEFAULT_STAGES, len(graph.operators))))


def as_document(report: SplitReport) -> dict[str, Any]:
    """The report as JSON types."""
    manifest, proof = report.manifest, report.proof
    return {
        "directory": str(report.directory),
        "name": manifest.name,
        "generation": manifest.generation,
        "equal": proof.comparison.equal,
        "runs": proof.comparison.runs,
        "random_runs": proof.random_runs,
        "given_runs": proof.given_runs,
        "stages": [
            {**stage.model_dump(mode="json"), "bytes": report.sizes.get(stage.name)}
            for stage in manifest.stages
        ],
        "edges": [
            {**edge.model_dump(mode="json"), "bytes": edge.tensor.max_bytes}
            for edge in manifest.edges
        ],
        "warnings": list(report.warnings),
    }


def show(report: SplitReport) -> None:
    """Print what was made for people."""
    manifest, runs = report.manifest, report.proof.comparison.runs
    rows = [
        (
            stage.name,
            stage.operators or stage.actor,
            size(report.sizes[stage.name]) if stage.name in report.sizes else "",
            briefly(stage.inputs),
            briefly(stage.outputs),
        )
        for stage in manifest.stages
    ]
    table(("stage", "operators", "size", "takes", "gives"), rows, f"Chain {manifest.name}")
    crossing = [
        (
            brief(edge.tensor.name),
            edge.tensor.dtype,
            dimensions(edge.tensor.shape),
            size(edge.tensor.max_bytes),
            edge.source or "client",
            ", ".join((*edge.targets, *(("client",) if edge.to_client else ()))),
        )
        for edge in manifest.edges
    ]
    table(("tensor", "dtype", "shape", "at most", "from", "to"), crossing, "Edges")
    if manifest.packed:
        typer.echo(f"Packed between nodes: {briefly(manifest.packed)}")
    typer.echo(f"Equal to the whole model to the last bit in {runs} runs.")
    typer.echo(f"Written to {report.directory}, generation {manifest.generation[:12]}")
