"""`edgechain swap`: another generation on a chain that `up` runs, without an interruption."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import uvloop

from edgechain.cli.output import progress_reporter
from edgechain.discovery.local import changing
from edgechain.node.ending import choose_running
from edgechain.node.swapping import LocalSwap

Done = TypeVar("Done")


def swap(
    name: Annotated[str, typer.Argument(help="the running chain")],
    directory: Annotated[Path, typer.Argument(help="a directory with the chain.yaml to run")],
) -> None:
    """Load the chain in DIRECTORY beside the running one and move its clients there.

    Swapping to the old directory rolls back. What fails leaves the chain as it was.
    """
    with changing(name), progress_reporter() as progress:
        chain = choose_running(name)
        swapping = LocalSwap(chain, directory, progress)
        moved = uvloop.run(unless_interrupted(swapping.run()))
    verb = "runs" if moved else "already runs"
    typer.echo(f"chain {name} {verb} generation {swapping.generation[:12]}")
    if moved and Path(chain.directory) != directory.resolve():
        typer.echo(f"`edgechain swap {name} {chain.directory}` rolls back")


async def unless_interrupted(moving: Coroutine[None, None, Done]) -> Done:
    """Move; Ctrl-C cancels what is being prepared and leaves the chain as it was."""
    task = asyncio.create_task(moving)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
