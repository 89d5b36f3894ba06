"""Asking whoever sits at the terminal, without holding up what goes on meanwhile."""

from __future__ import annotations

import asyncio
import sys

import typer


async def agreed(question: str) -> bool:
    """Whether the answer is yes. What is not y or yes is no; so is the end of input."""
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
        said = sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return said.strip().lower() in ("y", "yes")
