"""Aligned plain text: a title, a head and rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """What is printed as one block. The first column is aligned left, and ``left`` ones too."""

    title: str
    head: Row
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    left: frozenset[int] = field(default=frozenset({0}))

    def text(self) -> str:
        """The block, without a line end."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [self.title, self._line(self.head, widths), "  ".join("-" * w for w in widths)]
        lines += [self._line(row, widths) for row in self.rows]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def _line(self, row: Row, widths: Sequence[int]) -> str:
        cells = (
            cell.ljust(width) if index in self.left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()
