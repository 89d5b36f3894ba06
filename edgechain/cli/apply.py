"""`edgechain apply`: a running chain moves to another placement, without an interruption."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.apply_order import ApplyOrder
from edgechain.plan.files import read_plan


def apply(
    file: Annotated[Path, typer.Argument(metavar="PLAN", help="what `edgechain plan -o` wrote")],
    configs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CONFIG]...",
            help="the YAML files of devices that were flashed: the chain that they run moves",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--chain", help="the running chain; the only one if not said")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="the directory of the chain that was cut after it, or is to be"),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="the plan's .tflite, where it is not beside the plan")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Move a running chain to the devices and submodels of PLAN. No request is lost.

    With device files the chain that `edgechain flash` put there moves, and the files say so
    afterwards; else one that `edgechain up` runs here: nodes that are missing are started, those
    that are of no use any more end. What fails leaves the chain as it was.
    """
    if not (yes or dry_run) and (as_json or not sys.stdin.isatty()):
        raise typer.BadParameter("where nobody can be asked, say --yes or --dry-run")
    if configs and name is not None:
        reason = "is for a chain of `edgechain up`; device files say which chain they run"
        raise typer.BadParameter(reason, param_hint="--chain")
    order = ApplyOrder(file, read_plan(file), to, model, dry_run, yes, as_json)
    if configs:
        from edgechain.cli.apply_fleet import apply_to_fleet  # noqa: PLC0415 - takes its time

        apply_to_fleet(order, configs)
        return
    from edgechain.cli.apply_local import apply_here  # noqa: PLC0415 - one of the two

    apply_here(order, name)
