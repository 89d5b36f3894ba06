"""`edgechain infer`: one request from a file."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from edgechain.cli.output import dimensions, emit_json
from edgechain.cli.trust import Identity, Insecure
from edgechain.client.archives import read_npz, write_npz
from edgechain.client.chain import DEADLINE_SECONDS, Chain
from edgechain.client.connect import connect
from edgechain.client.results import Result
from edgechain.transport.memory import tune_allocator


def infer(
    chain: Annotated[str, typer.Argument(help="the chain's name or directory")],
    source: Annotated[Path, typer.Option("--input", help="arrays by input name, .npz")],
    output: Annotated[Path, typer.Option("-o", "--output", help="where the outputs go, .npz")],
    deadline: Annotated[
        float, typer.Option(min=0.001, max=3600.0, help="seconds until the answer must be there")
    ] = DEADLINE_SECONDS,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Send the arrays of a .npz file through a running chain and save what comes back."""
    tune_allocator()
    connecting = connect(chain, identity=identity, insecure=insecure)
    result = uvloop.run(_infer(connecting, source, deadline))
    write_npz(output, result.outputs)
    shapes = {name: list(value.shape) for name, value in result.outputs.items()}
    latency = round(result.latency * 1000, 3)
    if as_json:
        emit_json({"outputs": shapes, "latency_ms": latency, "file": str(output)})
        return
    for name, value in result.outputs.items():
        typer.echo(f"{name}  {value.dtype}  {dimensions(value.shape)}")
    typer.echo(f"{latency:.1f} ms, saved in {output}")


async def _infer(
    connecting: AbstractAsyncContextManager[Chain], source: Path, deadline: float
) -> Result:
    arrays = read_npz(source)
    async with connecting as connection:
        return await connection.infer(arrays, deadline=deadline)
