"""`edgechain node`: only its help comes here; ``cli.main`` starts nodes without this library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def node(
    config: Annotated[Path, typer.Argument(help="the device's YAML file")],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="say everything")] = False,
) -> None:
    """Run a node in the foreground until Ctrl-C, which lets what has begun end; twice does not.

    With SIGHUP it reads again which generations of its chain to run.
    """
    from edgechain.node.__main__ import main  # noqa: PLC0415 - the daemon's own door

    raise typer.Exit(main([str(config), *(["-v"] if verbose else [])]))
