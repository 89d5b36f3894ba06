"""`edgechain flash`: devices get what their files say, all of it or nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
import uvloop

from edgechain.cli.asking import agreed
from edgechain.cli.device_progress import DeviceProgress, device_progress
from edgechain.cli.devices import Configs, To, fail_for, orders_of
from edgechain.cli.flash_report import as_json as outcome_json
from edgechain.cli.flash_report import ended, show, tell
from edgechain.cli.output import emit_json, say
from edgechain.deploy.flash import Looked, Outcome
from edgechain.deploy.flash import flash as flash_devices
from edgechain.deploy.orders import fleet_of
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.wheelhouse import wheels_for
from edgechain.deploy.workshop import Workshop
from edgechain.deploy.zipped import agent

Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]
NewKey = Annotated[
    bool,
    typer.Option(
        "--new-key", help="the board has another key than before: revoke its old certificate"
    ),
]


def flash(
    configs: Configs,
    to: To = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the steps, change nothing")
    ] = False,
    yes: Yes = False,
    new_key: NewKey = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON; with --yes or --dry-run")
    ] = False,
) -> None:
    """Show what changes on each device, then change it; what is not well goes back by itself."""
    if as_json and not (yes or dry_run):
        raise typer.BadParameter("goes with --yes or --dry-run", param_hint="--json")
    require_an_answer(yes=yes or dry_run)
    orders = orders_of(configs, to)
    flash_orders(orders, yes=yes, new_key=new_key, dry_run=dry_run, as_json=as_json)


def require_an_answer(*, yes: bool) -> None:
    """Wrong usage unless the answer is known, or there is somebody who can be asked."""
    if not (yes or sys.stdin.isatty()):
        reason = "nobody can be asked here: --yes does not ask, `flash --dry-run` only shows"
        raise typer.BadParameter(reason, param_hint="--yes")


def flash_orders(
    orders: Sequence[Order],
    *,
    yes: bool,
    new_key: bool,
    dry_run: bool = False,
    as_json: bool = False,
) -> None:
    """Flash them; ends with status 1 when that failed for one, or nobody wanted it."""
    fleet = fleet_of([order.file for order in orders])
    tool = Agent(agent(), keep=not dry_run)
    with device_progress() as progress:
        asking = _Asking(progress, yes=yes, dry_run=dry_run, quiet=as_json)
        workshop = Workshop(fleet, wheels_for, replace=new_key)
        outcomes = uvloop.run(flash_devices(orders, workshop, tool, asking.confirm, progress))
    if as_json:
        emit_json({"devices": [outcome_json(one, dry_run=dry_run) for one in outcomes]})
    else:
        _tell(outcomes, dry_run=dry_run)
    fail_for([one.error for one in outcomes if one.error is not None])
    if any(ended(one, dry_run=dry_run) == "declined" for one in outcomes):
        raise typer.Exit(1)


class _Asking:
    """Shows the steps and asks, as far as that is wanted."""

    def __init__(self, progress: DeviceProgress, *, yes: bool, dry_run: bool, quiet: bool):
        self._progress = progress
        self._yes, self._dry_run, self._quiet = yes, dry_run, quiet

    async def confirm(self, devices: Sequence[Looked]) -> bool:
        """Whether to go on."""
        self._progress.pause()
        if not self._quiet:
            for one in devices:
                show(one)
        if self._dry_run:
            return False
        many = f"these {len(devices)} devices" if len(devices) > 1 else "this device"
        return self._yes or await agreed(f"flash {many}?")


def _tell(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    for one in outcomes:
        if one.prepared is not None and ended(one, dry_run=dry_run) == "unchanged":
            show(one.prepared)
        tell(one)
    if dry_run:
        say("a dry run: nothing was changed")
