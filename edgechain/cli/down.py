"""`edgechain down`: end a chain that `up` started."""

from __future__ import annotations

from typing import Annotated

import typer

from edgechain.node.ending import choose_running, take_down


def down(
    name: Annotated[str | None, typer.Argument(help="the chain; the only one if left out")] = None,
) -> None:
    """End the chain's nodes and wait until they are gone."""
    chain = choose_running(name)
    take_down(chain)
    typer.echo(f"chain {chain.name} has ended")
