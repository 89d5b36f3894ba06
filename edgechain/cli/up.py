"""`edgechain up`: every stage on a node of its own, or several, on this machine."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from edgechain.cli.names import check_name
from edgechain.cli.output import progress_reporter
from edgechain.discovery.local import LocalChain
from edgechain.errors import InvalidDocument
from edgechain.node.local import LocalChainRunner, LocalOptions
from edgechain.plan.files import read_plan
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.interpreter import InterpreterKind
from edgechain.spec.document import render
from edgechain.spec.ids import NodeName, StageName


def up(
    directory: Annotated[Path, typer.Argument(help="a directory with chain.yaml")],
    name: Annotated[str | None, typer.Option(help="what clients call the chain")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="leave it running")] = False,
    replicas: Annotated[int, typer.Option(min=1, max=16, help="nodes per stage")] = 1,
    plan: Annotated[
        Path | None,
        typer.Option(help="what `edgechain plan -o` wrote: a node for every device, by its name"),
    ] = None,
    slots: Annotated[int, typer.Option(min=1, max=64, help="requests a node holds")] = 8,
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="per stage; 0 shares the processors")
    ] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="the first node's; 0 is any")] = 0,
    interpreter: Annotated[
        InterpreterKind, typer.Option(help="what runs the submodels")
    ] = InterpreterKind.AUTO,
    insecure: Annotated[bool, typer.Option("--insecure", help="without keys, for trials")] = False,
) -> None:
    """Start the nodes, wait until they found each other; without --detach until Ctrl-C."""
    if name is not None:
        check_name(name, "--name")
    if plan is not None and replicas > 1:
        raise typer.BadParameter("the plan says what has copies", param_hint="--replicas")
    options = LocalOptions(
        devices={} if plan is None else _devices(plan, directory),
        plan="" if plan is None else render(read_plan(plan)),
        slots=slots,
        threads=threads,
        interpreter=interpreter.value,
        port=port,
        replicas=replicas,
        insecure=insecure,
    )
    uvloop.run(_up(directory, name, options, detach))


def _devices(plan: Path, directory: Path) -> dict[StageName, tuple[NodeName, ...]]:
    try:
        return read_plan(plan).devices(load_manifest(directory))
    except ValueError as error:
        raise InvalidDocument(str(error), file=str(plan)) from error


async def _up(directory: Path, name: str | None, options: LocalOptions, detach: bool) -> None:
    stop = asyncio.Event()
    with progress_reporter() as progress:
        runner = LocalChainRunner(directory, name, options, detach=detach, progress=progress)
        _hear_signals(runner, stop)
        starting = asyncio.create_task(runner.__aenter__())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise KeyboardInterrupt
    stopping.cancel()
    await starting
    await _stay(runner, stop, detach)


def _hear_signals(runner: LocalChainRunner, stop: asyncio.Event) -> None:
    """Stop when told to or when the terminal is gone; told again, do not wait for anything."""

    def told() -> None:
        if stop.is_set():
            runner.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, told)


async def _stay(runner: LocalChainRunner, stop: asyncio.Event, detach: bool) -> None:
    """Leave the nodes alone, or watch over them until told to stop."""
    try:
        _describe(runner.chain, detach)
        if not detach:
            await _until_stopped(runner, stop)
    finally:
        await runner.__aexit__(None, None, None)


async def _until_stopped(runner: LocalChainRunner, stop: asyncio.Event) -> None:
    watching = asyncio.create_task(runner.watch(lambda words: typer.echo(words, err=True)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        typer.echo("stopping")
    else:
        await watching


def _describe(chain: LocalChain | None, detach: bool) -> None:
    if chain is None:
        return
    typer.echo(f"chain {chain.name} runs on {len(chain.nodes)} nodes of this machine:")
    for node in chain.nodes:
        typer.echo(f"  {node.name}  {node.address}  {', '.join(node.stages)}  pid {node.pid}")
    ending = f"`edgechain down {chain.name}`" if detach else "Ctrl-C"
    typer.echo(f"{ending} ends it")
    if not chain.identity:
        warning = "INSECURE: nothing is encrypted, and whoever reaches a port is served"
        typer.echo(f"edgechain: {warning}", err=True)
