"""``edgechain camera``: pictures, folders, globs and videos through a chain."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop

import edgechain
from edgechain.cli.trust import Identity, Insecure
from edgechain.client.account import Account
from edgechain.client.album import Album
from edgechain.client.camera import Camera, FrameReport, InferChain
from edgechain.client.live import STILLS_RATE, LiveSource
from edgechain.client.sight import Sight, sight_of
from edgechain.client.sources import Source, VideoSource, open_source
from edgechain.errors import Dropped, RequestError, Unavailable
from edgechain.spec.chain import ChainManifest
from edgechain.transport.memory import tune_allocator
from edgechain.vision.labels import read_labels


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
    live: Annotated[
        bool,
        typer.Option("--live", help="At the source's own speed; the newest frame counts."),
    ] = False,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Send frames through a chain, tell what is in each, and close with the account.

    Every frame counts and the source waits, unless --live: then a frame the chain has no room for
    gives way to the next one and counts as dropped. Exit status 1 if any frame failed. Ctrl-C
    takes no more frames and closes the account.
    """
    if threshold is not None and not 0 < threshold <= 1:
        raise typer.BadParameter("must be above 0 and at most 1", param_hint="--threshold")
    tune_allocator()
    found = open_source(source)
    names = read_labels(labels) if labels is not None else None
    album = Album(save, found) if save is not None else None
    connecting = edgechain.connect(chain, identity=identity, insecure=insecure)
    run = _Run(found, partial(sight_of, labels=names, threshold=threshold), album, frames, live)
    account = uvloop.run(_watch(connecting, run, _Teller(as_json)))
    typer.echo(json.dumps(account.as_json()) if as_json else str(account))
    if account.failed:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Run:
    """What is to be watched, and how."""

    source: Source
    look: Callable[[ChainManifest], Sight]
    album: Album | None
    limit: int | None
    live: bool

    def camera(self, chain: InferChain) -> Camera:
        rate = self.source.rate if isinstance(self.source, VideoSource) else STILLS_RATE
        source = LiveSource(self.source, rate) if self.live else self.source
        return Camera(chain, source, self.look, album=self.album, limit=self.limit, live=self.live)


async def _watch(
    connecting: AbstractAsyncContextManager[edgechain.Chain], run: _Run, teller: _Teller
) -> Account:
    async with connecting as chain:
        running = run.camera(chain)
        with _interruptible(running):
            try:
                await running.run(teller.tell)
            except asyncio.CancelledError:  # the second Ctrl-C
                pass
            except Unavailable as error:
                teller.close()
                typer.echo(f"edgechain: {error}", err=True)
            teller.close()
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


class _Teller:
    """Prints what became of each frame; what goes wrong with many in a row is said once.

    Frames that gave way to newer ones are lines of ``--json`` only.
    """

    def __init__(self, as_json: bool):
        self._as_json = as_json
        self._reason = ""
        self._more = 0

    def tell(self, report: FrameReport) -> None:
        """One frame has ended."""
        if self._as_json:
            typer.echo(json.dumps(report.as_json()))
        if isinstance(report.error, Dropped):
            return
        if isinstance(report.error, RequestError) and str(report.error) == self._reason:
            self._more += 1
            return
        self.close()
        if report.error is not None:
            self._reason = str(report.error)
            typer.echo(str(report), err=True)
        elif not self._as_json:
            typer.echo(str(report))

    def close(self) -> None:
        """Something else comes, or nothing more: say how many there were of the same."""
        if self._more:
            frames = "frame" if self._more == 1 else "frames"
            typer.echo(f"{self._more} more {frames}: {self._reason}", err=True)
        self._reason, self._more = "", 0
