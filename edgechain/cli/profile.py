"""``edgechain profile``: what a model needs on this device or on a running node's, and links."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from pydantic import ValidationError

from edgechain.cli.links import links
from edgechain.cli.measure import Wish, measured
from edgechain.cli.output import brief, emit_json, progress_reporter, table
from edgechain.cli.trust import Fleet, Identity, Insecure
from edgechain.client.profiling import find_node, profile_on
from edgechain.discovery.peers import default_namespace
from edgechain.model.graph import graph_of
from edgechain.model.source import Model, read_model
from edgechain.plan.files import write_document
from edgechain.runtime.interpreter import InterpreterKind
from edgechain.spec.config import MAX_THREADS
from edgechain.spec.document import first_mistake
from edgechain.spec.graph import OpGraph
from edgechain.spec.probing import MOST_SECONDS
from edgechain.spec.profile import DeviceProfile
from edgechain.spec.profiling import ProfileOrder

MOST_LISTED = 10
THREADS = 4
"""As a node's whose config says nothing else."""


def profile(
    model: Annotated[Path | None, typer.Argument(help="A .tflite file.")] = None,
    on: Annotated[
        str | None,
        typer.Option(help="Measure on the device of a running node: its name, or host:port."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File for the profile.")] = None,
    device: Annotated[
        str | None,
        typer.Option(help="The device's name in the plan. [default: this machine's, or --on's]"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_THREADS, help=f"[default: {THREADS}, or as the node's]"),
    ] = None,
    interpreter: Annotated[
        InterpreterKind | None, typer.Option(help="[default: auto, or as the node's]")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.05, max=600, help="For every halving of the model, every link.")
    ] = 2.0,
    node: Annotated[
        bool, typer.Option("--node/--no-node", help="Also what nodes that run it spend besides.")
    ] = True,
    between: Annotated[
        bool, typer.Option("--links", help="Instead of MODEL: the links between running nodes.")
    ] = False,
    namespace: Annotated[
        str | None, typer.Option(help="With --on or --links: which fleet.")
    ] = None,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what every operator takes on this device, with the node's own interpreter."""
    if on is None and not between and (namespace or identity or insecure):
        raise typer.BadParameter("--namespace, --identity and --insecure go with --on and --links")
    fleet = Fleet(namespace or default_namespace(), identity, insecure)
    if between:
        if model is not None or on is not None or seconds > MOST_SECONDS:
            reason = f"stands without MODEL and --on, and with {MOST_SECONDS:.0f} s at most"
            raise typer.BadParameter(reason, param_hint="--links")
        links(fleet, seconds=seconds, out=out, as_json=as_json)
        return
    if model is None:
        raise typer.BadParameter("give MODEL, or --links")
    whole = read_model(model)
    wanted = _Wanted(device or "", threads, interpreter, seconds, node)
    found = _here(whole, wanted) if on is None else uvloop.run(_there(whole, wanted, on, fleet))
    if out is not None:
        write_document(out, found)
    if as_json:
        emit_json(found.model_dump(mode="json"))
    else:
        show(graph_of(whole), found, out)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for; what is empty or ``None`` is as it is where it is measured."""

    device: str
    threads: int | None
    interpreter: InterpreterKind | None
    seconds: float
    nodes: bool


def _here(whole: Model, wanted: _Wanted) -> DeviceProfile:
    wish = Wish(
        device=wanted.device or platform.node(),
        threads=wanted.threads or THREADS,
        interpreter=(wanted.interpreter or InterpreterKind.AUTO).value,
        seconds=wanted.seconds,
        nodes=wanted.nodes,
    )
    with progress_reporter() as progress:
        return measured(whole, wish, progress)


async def _there(whole: Model, wanted: _Wanted, on: str, fleet: Fleet) -> DeviceProfile:
    order = _order(whole, wanted)
    node = await find_node(on, fleet.namespace, fleet.identity, insecure=fleet.insecure)
    with progress_reporter() as progress:
        return await profile_on(node, order, whole.content, progress)


def _order(whole: Model, wanted: _Wanted) -> ProfileOrder:
    try:
        return ProfileOrder(
            model=whole.file,
            size=len(whole.content),
            sha256=whole.sha256,
            device=wanted.device,
            threads=wanted.threads,
            interpreter=wanted.interpreter.value if wanted.interpreter else None,
            seconds=wanted.seconds,
            nodes=wanted.nodes,
        )
    except ValidationError as error:
        raise typer.BadParameter(": ".join(first_mistake(error))) from error


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
    if (loopback := found.loopback) is not None:
        typer.echo(
            f"of that a link within the device has {loopback.message_ms:.3f} ms, "
            f"{loopback.send_ms_per_mb:.3f} ms and {loopback.receive_ms_per_mb:.3f} ms; what links "
            "to other devices cost more comes on top"
        )
    if (packing := found.packing) is not None:
        shares = packing.shares.values()
        typer.echo(
            f"packed, tensors between stages come to {min(shares, default=1):.2f} to "
            f"{max(shares, default=1):.2f} of their bytes, at {packing.pack_ms_per_mb:.3f} ms a "
            f"megabyte and {packing.unpack_ms_per_mb:.3f} ms back"
        )
    table(("#", "operator", "ms", "share", "tensor"), rows, "The slowest operators")
    if out is not None:
        typer.echo(f"Written to {out}")
