"""How whoever does something long tells what it is at."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

Say = Callable[[str], None]
"""Called with what is under way, also from other threads."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress for callers that show none."""
