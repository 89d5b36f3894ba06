"""What a worker prints, on its way to the node's log: line by line, clean, and not too much."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from edgechain.spec.printable import printable

LINES_AT_ONCE = 100
LINES_PER_SECOND = 10.0
"""A traceback has some ten lines, a frame comes thirty times a second: the log is for people."""

LONGEST_LINE = 500
READ_BYTES = 1 << 16
"""All that a pipe holds: a worker that prints without end waits for us, we not for it."""


class Words:
    """Cuts bytes into lines and passes them to ``log``, at most so many a second.

    What is left out is counted, and the count is said with the next line. ``last`` is the last
    line since ``begin`` that was not empty, whether it was logged or not.
    """

    def __init__(self, log: Callable[[str], None], now: Callable[[], float]):
        self._log, self._now = log, now
        self._rest = b""
        self._allowed, self._counted_at = float(LINES_AT_ONCE), now()
        self._left_out = 0
        self.last = ""

    def hear(self, data: bytes) -> None:
        """Some bytes; a line need not be whole."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-LONGEST_LINE * 4 :]
        for line in lines:
            self._say(line)

    def begin(self) -> None:
        """What was said so far has nothing to do with what comes now."""
        self.last = ""

    def end(self) -> None:
        """Nothing more comes: what has no end of line is one."""
        rest, self._rest = self._rest, b""
        self._say(rest)

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace")[:LONGEST_LINE].rstrip()
        clean = printable(text, " ")
        if not clean.strip():
            return
        self.last = clean
        if not self._may_speak():
            self._left_out += 1
            return
        if self._left_out:
            self._log(f"({self._left_out} lines were left out)")
            self._left_out = 0
        self._log(clean)

    def _may_speak(self) -> bool:
        now = self._now()
        grown = self._allowed + (now - self._counted_at) * LINES_PER_SECOND
        self._allowed, self._counted_at = min(float(LINES_AT_ONCE), grown), now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True


class WordsReader:
    """Reads a worker's words from their pipe while the loop runs; owns the pipe's end."""

    def __init__(self, fileno: int, words: Words):
        self._fileno, self.words = fileno, words
        os.set_blocking(fileno, False)
        asyncio.get_running_loop().add_reader(fileno, self.read)

    def read(self) -> None:
        """Take what is there."""
        if self._fileno < 0:
            return
        try:
            data = os.read(self._fileno, READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self.words.hear(data)
        else:
            self._hang_up()

    def close(self) -> None:
        """Take what is left, and no more; may be called twice."""
        self.read()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._fileno >= 0:
            asyncio.get_running_loop().remove_reader(self._fileno)
            os.close(self._fileno)
            self._fileno = -1
            self.words.end()
