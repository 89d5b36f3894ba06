"""`edgechain revoke`: whose certificates are good no more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgechain.security.fleet import FleetDirectory


def revoke(
    directory: Annotated[Path, typer.Argument(help="the fleet's, where `init` made it")],
    names: Annotated[list[str], typer.Argument(help="nodes or clients")],
) -> None:
    """Take nodes or clients out of the fleet; each board learns it from its revoked.crl.

    A running node looks at that file by itself. `edgechain init` makes a new identity for the
    same name.
    """
    count, lists = FleetDirectory(directory).revoke(tuple(names))
    known = "" if count else ", as they were before"
    typer.echo(f"revoked: {', '.join(names)}{known}")
    typer.echo("each board needs its new list, beside its key; no restart:")
    for path in lists:
        if path.parent.name not in names:
            typer.echo(f"  {path}")
