"""Passing on a log while it grows, until somebody says that it is enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress


class Following:
    """Says every line from a thread of its own; ``end`` returns when nothing more will be said.

    A log in which nothing happens keeps its thread waiting; that ends with the process.
    """

    def __init__(self, lines: Iterator[str], say: Callable[[str], None]):
        self._lines, self._say = lines, say
        self._may_say = True
        self._guard = threading.Lock()
        threading.Thread(target=self._run, name="following", daemon=True).start()

    def end(self) -> None:
        """No further line."""
        with self._guard:
            self._may_say = False

    def _run(self) -> None:
        with suppress(BrokenPipeError):
            for line in self._lines:
                with self._guard:
                    if not self._may_say:
                        return
                    self._say(line)
