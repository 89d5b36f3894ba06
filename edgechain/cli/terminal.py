"""What is drawn on a terminal: a bar, a table. Loaded only where there is one: rich is big."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from edgechain.spec.progress import Progress


@contextmanager
def bar() -> Iterator[Progress]:
    """Yield what moves a bar on standard error; it is gone at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            shown.update(task, description=what, completed=done, total=total)

        yield report


def draw(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Draw a table on standard output, numbers to the right."""
    drawn = Table(title=title or None, title_justify="left", header_style="bold")
    for position, header in enumerate(headers):
        drawn.add_column(header, justify="right" if _numeric(rows, position) else "left")
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)


def _numeric(rows: Sequence[Sequence[str]], position: int) -> bool:
    return bool(rows) and all(row[position][:1].isdigit() for row in rows if row[position])
