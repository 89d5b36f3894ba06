"""Options and habits of the commands that go to devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.files import device_files
from edgechain.deploy.orders import read_orders
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.address import Target, parse_target
from edgechain.errors import EdgechainError
from edgechain.spec.printable import one_line

Configs = Annotated[list[Path], typer.Argument(help="the devices' YAML files")]
To = Annotated[
    str | None,
    typer.Option(
        help="where the device is: ssh://[user@]host[:port][/root], dir:PATH or sd:PATH "
        "[default: `flash: {target: ...}` in its file]"
    ),
]


def orders_of(configs: Sequence[Path], to: str | None) -> list[Order]:
    """The devices that are meant; ``--to`` can only be one device's."""
    files = device_files([str(config) for config in configs])
    if to is not None and len(files) > 1:
        raise typer.BadParameter("is one device's; give one CONFIG with it", param_hint="--to")
    return read_orders(files, None if to is None else _target(to))


def _target(text: str) -> Target:
    try:
        return parse_target(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from None


def fail_for(errors: Sequence[EdgechainError]) -> None:
    """End with status 1 when any device failed; one line for each."""
    for error in errors:
        typer.echo(f"edgechain: {one_line(error)}", err=True)
    if errors:
        raise typer.Exit(1)
