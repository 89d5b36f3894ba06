"""``edgechain inspect``: what a model is made of and where it can be cut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.output import amount, brief, dimensions, emit_json, size, table
from edgechain.model.inspect import ModelReport, PortReport
from edgechain.model.inspect import inspect as look
from edgechain.model.source import read_model
from edgechain.spec.printable import printable


def inspect(
    model: Annotated[Path, typer.Argument(help="A .tflite file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a model: signatures, operators, arithmetic, and the bytes at every possible cut."""
    report = look(read_model(model))
    if as_json:
        emit_json(report.as_json())
    else:
        show(report)


def show(report: ModelReport) -> None:
    """Print a report for people."""
    typer.echo(f"{report.file}: {size(report.bytes)}, {report.operators} operators")
    typer.echo(f"  arithmetic    {amount(report.macs)} multiply-accumulates")
    typer.echo(f"  parameters    {amount(report.parameters)}")
    typer.echo(f"  quantisation  {report.quantization}")
    typer.echo(f"  labels        {report.labels or 'none attached'}")
    if report.attached:
        typer.echo(f"  attached      {', '.join(map(printable, report.attached))}")
    table(
        ("port", "name", "dtype", "shape", "scale", "zero", "tensor"),
        [
            *(_port_row("input", port) for port in report.inputs),
            *(_port_row("output", port) for port in report.outputs),
        ],
        "Inputs and outputs",
    )
    _show_structure(report)
    _show_operators(report)


def _port_row(kind: str, port: PortReport) -> tuple[object, ...]:
    scale = "" if port.scale is None else f"{port.scale:.6g}"
    zero = "" if port.zero_point is None else port.zero_point
    return kind, port.name, port.dtype, dimensions(port.shape), scale, zero, brief(port.tensor)


def _show_structure(report: ModelReport) -> None:
    for signature in report.signatures:
        takes, gives = ", ".join(signature.inputs), ", ".join(signature.outputs)
        typer.echo(f"Signature {signature.key}: ({takes}) -> ({gives})")
    if not report.signatures:
        typer.echo("Signature: none, ports are called by their tensors' names")
    for line in report.subgraphs:
        typer.echo(f"Subgraph {line}")
    for line in report.stays:
        typer.echo(f"Stays together: {line}")


def _show_operators(report: ModelReport) -> None:
    cuts = {cut.after: cut for cut in report.cuts}
    rows = []
    for op in report.table:
        cut = cuts.get(op.index)
        crossing = "-" if cut is None else f"{size(cut.bytes)} in {len(cut.tensors)}"
        name = brief(op.outputs[0]) if op.outputs else ""
        macs = amount(op.macs) if op.macs else ""
        rows.append((op.index, op.kind, dimensions(op.shape), op.dtype, macs, crossing, name))
    headers = ("#", "operator", "output", "dtype", "MACs", "cut after it", "tensor")
    table(headers, rows, "Operators")
