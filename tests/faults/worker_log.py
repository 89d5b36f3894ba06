"""What a node's log says of its workers: which was lost, and when another was ready."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

LOOK_SECONDS = 0.002
CUT_OFF_SECONDS = 0.001
"""What a log leaves away of an instant; held against us."""

_LOST = re.compile(r"(?m)^(\S+ \S+) WARNING +stage (\S+): (.+); starting another$")
_READY = re.compile(r"(?m)^(\S+ \S+) INFO +stage (\S+): worker (\d+) is ready$")


@dataclass(frozen=True, slots=True)
class Replaced:
    """One worker's end, as its daemon noticed it, and the next one; times as ``time.time``."""

    reason: str
    lost: float
    ready: float
    pid: int


class WorkerLog:
    """Reads a node's log from where it was read before."""

    def __init__(self, path: Path):
        self._path = path
        self._at = 0
        self.skip()

    def skip(self) -> None:
        """What was said so far is read."""
        self._at = self._path.stat().st_size

    async def replaced(self, within: float) -> Replaced | None:
        """Wait for the next worker that was lost and replaced; ``None`` if none is in time."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            text = self._unread()
            lost = _LOST.search(text)
            ready = _READY.search(text, lost.end()) if lost else None
            if lost and ready:
                self._at += len(text[: ready.end()].encode())
                ready_at = _instant(ready[1]) + CUT_OFF_SECONDS
                return Replaced(lost[3], _instant(lost[1]), ready_at, int(ready[3]))
            await asyncio.sleep(LOOK_SECONDS)
        return None

    def _unread(self) -> str:
        with self._path.open("rb") as log:
            log.seek(self._at)
            return log.read().decode()


def _instant(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
