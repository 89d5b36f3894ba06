"""Telling a parent process how the node is doing: one JSON object a line on a descriptor.

`edgechain up` waits on these instead of asking again and again.
"""

from __future__ import annotations

import json
import os
from typing import Any


class Announcer:
    """Writes events to a pipe, or nowhere. A parent that has gone away is not an error."""

    def __init__(self, fileno: int | None = None):
        self._fileno = fileno

    def say(self, event: str, **details: Any) -> None:
        """Report an event."""
        if self._fileno is None:
            return
        line = json.dumps({"event": event, **details}) + "\n"
        try:
            os.write(self._fileno, line.encode())
        except BrokenPipeError:
            self._fileno = None
