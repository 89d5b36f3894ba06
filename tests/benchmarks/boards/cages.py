"""A share of a processor for everything that one emulated board runs: control groups' quota."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup/cpu")
"""Version 1 of control groups; writing there needs root."""

TURN_US = 20_000
"""A board computes for so long, then waits as its share of a processor wants it. Of shorter turns
waking up, with cold caches, takes a tenth and more; no board does that whose processor is its own.
With turns of 3.6 ms requests took 1.05 to 1.27 times as long as predicted, with 1.4 ms 1.5 times.
"""

SHARES = 16_384
"""16 times as much as others: what a board may take it gets, whoever else computes here."""

GONE_SECONDS = 10.0


def no_cages() -> str:
    """Why boards cannot be emulated here; empty when they can."""
    if not (ROOT / "cpu.cfs_quota_us").is_file():
        return f"no control groups (version 1) at {ROOT}"
    return "" if os.access(ROOT, os.W_OK) else "control groups need root"


@dataclass(frozen=True)
class Cage:
    """One control group."""

    path: Path

    def limit(self, quota: float | None) -> None:
        """From now on that share of one processor; ``None``: as much as there is."""
        self.path.joinpath("cpu.cfs_quota_us").write_text("-1")
        if quota is not None:
            self.path.joinpath("cpu.cfs_period_us").write_text(str(round(TURN_US / quota)))
            self.path.joinpath("cpu.cfs_quota_us").write_text(str(TURN_US))

    def around(self, words: Sequence[str]) -> list[str]:
        """A command that runs in here, and all that it starts."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.members), *words]

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are in here."""
        return tuple(map(int, self.members.read_text().split()))

    @property
    def members(self) -> Path:
        """The file that says who is in here; who writes its process id there comes in."""
        return self.path / "cgroup.procs"


@contextmanager
def cage(quota: float | None) -> Iterator[Cage]:
    """A new one; what is in it when it ends has to have ended."""
    path = ROOT / f"edgechain-{uuid.uuid4().hex[:8]}"
    path.mkdir()
    try:
        made = Cage(path)
        path.joinpath("cpu.shares").write_text(str(SHARES))
        made.limit(quota)
        yield made
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    """Processes that have just ended are in it for a moment."""
    end = time.monotonic() + GONE_SECONDS
    while True:
        try:
            path.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def run_together(commands: Sequence[Sequence[str]], logs: Sequence[Path], within: float) -> None:
    """Run commands side by side; what one said is shown when it fails."""
    processes = []
    for words, log in zip(commands, logs, strict=True):
        with log.open("wb") as said:
            processes.append(subprocess.Popen(words, stdout=said, stderr=said))
    end = time.monotonic() + within
    try:
        for process in processes:
            process.wait(max(0.0, end - time.monotonic()))
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
                process.wait()
    for process, log in zip(processes, logs, strict=True):
        if process.returncode:
            raise RuntimeError(f"{' '.join(commands[0][-12:])}: {log.read_text()[-2000:]}")
