"""A board: a Debian Trixie of its own, started from its PID 1 on, with a card in it.

systemd-nspawn starts it in namespaces of its own, without a network; systemd, cloud-init and
Python are those that a Raspberry Pi has, the processor is this machine's. Its disk is what it has
written over the system that all boards share, and stays when the power is cut.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NO_LEGACY = {"UNIFIED_CGROUP_HIERARCHY": "1"}
"""Trixie's systemd does not start on the first version of control groups."""


@dataclass(frozen=True)
class TrixieBoard:
    """``disk`` is where its root lies on this machine; ``card`` what is in it."""

    folder: Path
    card: Path

    @property
    def disk(self) -> Path:
        """The board's root."""
        return self.folder / "disk"

    @property
    def root(self) -> Path:
        """What edgechain has there."""
        return self.disk / "opt" / "edgechain"

    def boot(self, until: Callable[[], bool], seconds: float) -> None:
        """Switch it on, and cut the power as soon as ``until`` is so."""
        command = ["systemd-nspawn", "--quiet", "--directory", str(self.disk), "--boot"]
        command += ["--keep-unit", "--register=no", "--private-network"]
        command += [f"--bind-ro={self.card}:/boot/firmware"]
        with (self.folder / "console").open("ab") as console:
            board = subprocess.Popen(
                command,
                env={**os.environ, **NO_LEGACY},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        try:
            self._wait(board, until, seconds)
        finally:
            _cut_the_power(board)

    def _wait(
        self, board: subprocess.Popen[bytes], until: Callable[[], bool], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert board.poll() is None, self.console()[-2000:]
            assert time.monotonic() < deadline, self.console()[-2000:]
            time.sleep(0.05)

    def console(self) -> str:
        """What it has written to its console, at all boots."""
        return (self.folder / "console").read_text(errors="replace")


def _cut_the_power(board: subprocess.Popen[bytes]) -> None:
    """End its PID 1, and so all of it at once; systemd-nspawn alone would leave it running."""
    children = Path(f"/proc/{board.pid}/task/{board.pid}/children").read_text().split()
    for child in map(int, children):
        os.kill(child, signal.SIGKILL)
    board.wait(30)


@contextmanager
def board(folder: Path, system: Path, card: Path) -> Iterator[TrixieBoard]:
    """A board that was never switched on."""
    made = TrixieBoard(folder, card)
    for name in ("disk", "written", "work"):
        (folder / name).mkdir(parents=True)
    layers = f"lowerdir={system},upperdir={folder / 'written'},workdir={folder / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(made.disk)], check=True)
    try:
        yield made
    finally:
        subprocess.run(["umount", "--lazy", str(made.disk)], check=True)
