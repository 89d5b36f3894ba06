"""``edgechain camera``: pictures, folders, globs and videos through a chain."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
import uvloop

import edgechain
from edgechain.cli.trust import Identity, Insecure
from edgechain.client.account import Account
from edgechain.client.album import Album
from edgechain.client.camera import Camera, FrameReport, InferChain
from edgechain.client.sight import sight_of
from edgechain.client.sources import Source, open_source
from edgechain.transport.memory import tune_allocator
from edgechain.vision.labels import Labels, read_labels


def camera(
    source: Annotated[
        str, typer.Argument(help="A picture, a folder, a quoted glob, or a video file.")
    ],
    chain: Annotated[str, typer.Option(help="The running chain's name, or its directory.")],
    labels: Annotated[
        Path | None, typer.Option(help="Class names, one per line or 'id name'.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Least score, above 0 up to 1. [default: customary for the model]"),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Folder for the annotated pictures or video.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Send frames through a chain, tell what is in each, and close with the account.

    Exit status 1 if any frame failed. Ctrl-C takes no more frames and closes the account.
    """
    if threshold is not None and not 0 < threshold <= 1:
        raise typer.BadParameter("must be above 0 and at most 1", param_hint="--threshold")
    tune_allocator()
    found = open_source(source)
    names = read_labels(labels) if labels is not None else None
    album = Album(save, found) if save is not None else None
    connecting = edgechain.connect(chain, identity=identity, insecure=insecure)
    account = uvloop.run(_watch(connecting, found, names, threshold, album, frames, as_json))
    typer.echo(json.dumps(account.as_json()) if as_json else str(account))
    if account.failed:
        raise typer.Exit(1)


async def _watch(
    connecting: AbstractAsyncContextManager[edgechain.Chain],
    source: Source,
    labels: Labels | None,
    threshold: float | None,
    album: Album | None,
    limit: int | None,
    as_json: bool,
) -> Account:
    async with connecting as chain:
        connected: InferChain = chain
        sight = sight_of(connected.manifest, labels=labels, threshold=threshold)
        running = Camera(connected, source, sight, album=album, limit=limit)
        with _interruptible(running):
            try:
                return await running.run(_tell_json if as_json else _tell)
            except asyncio.CancelledError:  # the second Ctrl-C
                return running.account()


@contextmanager
def _interruptible(running: Camera) -> Iterator[None]:
    """The first Ctrl-C ends the run cleanly, the second at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    pressed = False

    def on_signal() -> None:
        nonlocal pressed
        if pressed and task is not None:
            task.cancel()
        pressed = True
        running.stop()

    caught = (signal.SIGINT, signal.SIGTERM)
    for number in caught:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _tell(report: FrameReport) -> None:
    typer.echo(str(report), err=report.error is not None)


def _tell_json(report: FrameReport) -> None:
    typer.echo(json.dumps(report.as_json()))
    if report.error is not None:
        typer.echo(str(report), err=True)
