"""Two ends that measure the way between two boards as nodes of a fleet do, in processes there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgechain.security.identity import write_throwaway
from edgechain.spec.probing import Probed
from tests.chain.bridges import Board
from tests.node.probing_end import LISTENER, MEASURER

PORT = "5000"
PATIENCE = 60.0
"""Seconds for a measurement of one."""


@dataclass(frozen=True)
class Listening:
    """Somebody on a board who can be measured, and the fleet that everybody here is of."""

    board: Board
    fleet: Path

    def probed(self, here: Board) -> Probed:
        """The way from here, in a second of measuring."""
        done = subprocess.run(
            _command(here, "measure", str(self.fleet / MEASURER), self.board.address, PORT, "1.0"),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return Probed.model_validate_json(done.stdout)


@contextmanager
def listening(board: Board, *, burnt_ms: float = 0.0) -> Iterator[Listening]:
    """Somebody on this board who can be measured, and wastes so much on every message."""
    with tempfile.TemporaryDirectory(prefix="probes-") as folder:
        fleet = Path(folder)
        write_throwaway(fleet, "probes", (LISTENER, MEASURER), "nobody")
        own = str(fleet / LISTENER)
        words = _command(board, "listen", own, board.address, PORT, str(burnt_ms))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(words, text=True, **pipes) as process:  # type: ignore[call-overload]
            try:
                assert process.stdout.readline() == "listening\n"
                yield Listening(board, fleet)
            finally:
                process.stdin.close()
                assert process.wait(PATIENCE) == 0


def _command(board: Board, *words: str) -> list[str]:
    """A process of ``probing_end`` on a board."""
    inside = ["ip", "netns", "exec", board.namespace, sys.executable]
    return [*inside, "-m", "tests.node.probing_end", *words]
