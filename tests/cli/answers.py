"""What a command says that runs in the test's own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    status: int
    out: str
    error: str

    def json(self) -> Any:
        """The JSON value it printed."""
        return json.loads(self.out)

    def complaint(self) -> str:
        """The one line that says what went wrong, and nothing else was said."""
        assert self.out == ""
        assert self.error.count("\n") == 1
        return self.last_complaint()

    def last_complaint(self) -> str:
        """The one line that says what went wrong; progress may stand before it."""
        lines = [line for line in self.error.splitlines() if line.startswith("edgechain: ")]
        assert len(lines) == 1, self.error
        assert self.error.endswith(f"{lines[0]}\n")
        return lines[0]


Call = Callable[..., Answer]
