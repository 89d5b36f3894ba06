"""Two ends that measure the way between two boards, each in a process of its own there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgechain.spec.probing import Probed
from tests.chain.bridges import Board

PORT = "5000"
PATIENCE = 60.0
"""Seconds for a measurement of one."""


def command(board: Board, *words: str) -> list[str]:
    """A process of ``probing_end`` on a board."""
    inside = ["ip", "netns", "exec", board.namespace, sys.executable]
    return [*inside, "-m", "tests.node.probing_end", *words]


@contextmanager
def listening(board: Board, *, burnt_ms: float = 0.0) -> Iterator[None]:
    """Somebody on this board who can be measured, and wastes so much on every message."""
    words = command(board, "listen", board.address, PORT, str(burnt_ms))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == "listening\n"
            yield
        finally:
            process.stdin.close()
            assert process.wait(PATIENCE) == 0


def probed(here: Board, there: Board) -> Probed:
    """The way there, in a second of measuring."""
    done = subprocess.run(
        command(here, "measure", there.address, PORT, "1.0"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return Probed.model_validate_json(done.stdout)
