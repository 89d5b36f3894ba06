"""How every command prints: JSON, tables, progress.

Standard output carries the answer and nothing else; progress goes to standard error, as a bar on
a terminal and as plain lines elsewhere.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from edgechain.spec.progress import Progress

LINE_EVERY = 2.0
"""Seconds between two lines of progress where there is no terminal."""


def say(line: str) -> None:
    """Print one line of the answer to standard output, at once."""
    typer.echo(line)
    sys.stdout.flush()


def emit_json(value: Any) -> None:
    """Print one JSON document to standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table: drawn on a terminal, columns with two spaces between them elsewhere."""
    cells = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from edgechain.cli.terminal import draw  # noqa: PLC0415 - only a terminal needs it

        draw(headers, cells, title)
    else:
        _plain(headers, cells, title)


def size(count: float) -> str:
    """Bytes for people: 1.2 MB, decimal units."""
    return scaled(count, ("B", "kB", "MB", "GB"))


def amount(count: float) -> str:
    """A large count for people: 300.8 M."""
    return scaled(count, ("", "k", "M", "G", "T")).strip()


def scaled(count: float, units: Sequence[str]) -> str:
    """``count`` in the largest unit, steps of 1000, that leaves at least one before the point."""
    step = 0
    while abs(count) >= 999.95 and step < len(units) - 1:
        count, step = count / 1000.0, step + 1
    number = f"{count:.0f}" if step == 0 else f"{count:.1f}"
    return f"{number} {units[step]}"


def dimensions(shape: Sequence[int]) -> str:
    """A shape for people: 1x224x224x3, ? where it is open."""
    return "x".join("?" if side < 0 else str(side) for side in shape) or "scalar"


def brief(name: str, width: int = 48) -> str:
    """A long tensor name with its middle left out."""
    half = (width - 3) // 2
    return name if len(name) <= width else f"{name[:half]}...{name[-half:]}"


def briefly(names: Sequence[str], most: int = 3) -> str:
    """The first few of many names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(brief, names[:most])) + more


@contextmanager
def progress_reporter() -> Iterator[Progress]:
    """Yield the callable that long work reports to."""
    if sys.stderr.isatty():
        from edgechain.cli.terminal import bar  # noqa: PLC0415 - only a terminal needs it

        with bar() as report:
            yield report
    else:
        yield Lines()


class Lines:
    """A line every few seconds; what is done sooner says nothing."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say it, unless a line has just been said."""
        now = time.monotonic()
        if now - self._told >= LINE_EVERY:
            self._told = now
            typer.echo(f"{what}: {done}/{total}" if done else f"{what} ...", err=True)


def _plain(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    if title:
        typer.echo(title)
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(f"  {line}".rstrip())
