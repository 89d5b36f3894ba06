"""What the clock shows, whether it is set while we look, and whether somebody keeps it right."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from pathlib import Path

from edgechain.deploy.doctor.checks.clock import ClockFacts
from edgechain.security.certificates import WRITTEN

_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""

_TIMEX_BYTES = 256
"""More than the 208 of ``struct timex``; zeros mean: change nothing."""


class ClockProbe:
    """Begins to look when it is made; ``look`` says what it has seen since."""

    def __init__(self) -> None:
        self._offset = _offset()

    def look(self, files: Sequence[Path] = ()) -> ClockFacts:
        """``files`` were written when the clock was right."""
        newest, newest_file = max(map(_written, files), default=(0.0, ""))
        return ClockFacts(
            now=time.time(),
            earliest=WRITTEN.timestamp(),
            jump=_offset() - self._offset,
            synchronised=_synchronised(),
            newest=newest,
            newest_file=newest_file,
        )


def _offset() -> float:
    return time.time() - time.monotonic()


def _written(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, str(path)
    except OSError:
        return 0.0, ""


def _synchronised() -> bool | None:
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
