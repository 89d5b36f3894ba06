"""Keep this machine's processors equally busy, whatever is measured, and see how fast they are.

Processors share caches, and two of them may be threads of one core: what runs on one takes up to
a quarter longer while the other computes, and after it has rested while somebody else computed.
Real boards have processors of their own; emulated ones would be profiled beside idle processors
and run beside a busy client. With neighbours no processor is ever idle: both meet the same.

They always compute the same, so what they manage in a second tells how fast the machine is: one
that is shared with other machines is now faster, now slower by a tenth.

python -m tests.benchmarks.boards.neighbours PROCESSOR COUNTER: one of them, until its input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.processor import processor_seconds

SIDE = 256
"""Its matrices are as large as a layer's tensors and fill a core's second cache: 3 x 256 kB."""

LEAST_SECONDS = 0.2
"""Of the processor, which is counted in hundredths."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Mark:
    """What neighbours had computed so far, and the seconds of the processor that it took."""

    products: int
    seconds: float


@dataclass(frozen=True)
class Neighbours:
    """One for every processor, and where they count."""

    pids: Sequence[int]
    counters: Sequence[NDArray[np.int64]]

    def mark(self) -> Mark:
        """Now."""
        return Mark(sum(int(one[0]) for one in self.counters), processor_seconds(self.pids))

    def speed(self, since: Mark) -> float | None:
        """Products of matrices in a second of a processor since then.

        Nothing is known where others left them hardly any time.
        """
        now = self.mark()
        seconds = now.seconds - since.seconds
        return (now.products - since.products) / seconds if seconds >= LEAST_SECONDS else None


@contextmanager
def neighbours(folder: Path) -> Iterator[Neighbours]:
    """Start them; they give way to whoever wants to compute. Counters are files in ``folder``."""
    with ExitStack() as stack:
        pids, counters = [], []
        for cpu in sorted(os.sched_getaffinity(0)):
            path = folder / f"neighbour-{cpu}"
            counters.append(np.memmap(path, np.int64, "w+", shape=(1,)))
            pids.append(stack.enter_context(_neighbour(cpu, path)))
        yield Neighbours(pids, counters)


@contextmanager
def _neighbour(cpu: int, counter: Path) -> Iterator[int]:
    words = [sys.executable, "-m", "tests.benchmarks.boards.neighbours", str(cpu), str(counter)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, env={**os.environ, **ONE_THREAD})
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def _compute(cpu: int, counter: Path) -> None:
    """Until standard input ends, which it does with the process that measures, however it ends."""
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    input_ends = threading.Thread(target=sys.stdin.read, daemon=True)
    input_ends.start()
    one = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    out = np.empty_like(one)
    done = np.memmap(counter, np.int64, "r+", shape=(1,))
    while input_ends.is_alive():
        np.matmul(one, one.T, out=out)
        done[0] += 1


if __name__ == "__main__":
    _compute(int(sys.argv[1]), Path(sys.argv[2]))
