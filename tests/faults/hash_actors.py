"""The stage of the fault tests' chains; this very file is copied beside their chain.yaml.

A tensor is a row of bytes: a digest, the request's number, and for every stage of the chain the
run that made it. The digest is over (stage, generation, inputs), so an answer that mixes requests
or generations, or leaves a stage out, has another digest. The runs are not part of it: they say
by which process, and when, a stage was run for this very answer.
"""

from __future__ import annotations

import hashlib
import os
import signal
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DIGEST = 32
NUMBER = struct.Struct("<Q")
RUN = struct.Struct("<IIQ")
"""Process id of the worker, how many runs it had done before, and the monotonic clock in ns."""

HEAD = DIGEST + NUMBER.size
RECORD = struct.Struct("<Q").size + RUN.size
"""In a worker's own log: the request's number and the run."""

KEPT_BY_A_LEAK = "a page of what is never given back "


def digest(stage: str, generation: str, *heads: bytes) -> bytes:
    """What a stage makes of the heads (digest and number) of its inputs."""
    made = hashlib.sha256(f"{stage}\0{generation}\0{len(heads)}".encode())
    for head in heads:
        made.update(head)
    return made.digest()


class HashStage:
    """Hashes what it takes. ``place`` is its number in the chain.

    ``seconds`` is what a run takes, without the processor. ``runs`` is a folder: each worker
    writes there what it ran. ``mixes`` answers every second request with the one before, and
    ``leaks`` keeps so many bytes with every run: faults for the controls. The request ``deadly``
    ends its worker; one that finds the file ``hangs`` removes it and never returns.
    """

    def __init__(
        self,
        stage: str,
        generation: str,
        place: int,
        seconds: float = 0.0,
        runs: str = "",
        mixes: bool = False,
        leaks: int = 0,
        deadly: int = -1,
        hangs: str = "",
    ):
        self._stage, self._generation, self._place = stage, generation, int(place)
        self._seconds, self._mixes, self._leaks = seconds, mixes, int(leaks)
        self._deadly = NUMBER.pack(int(deadly) % (1 << 64))
        self._hangs = Path(hangs) if hangs else None
        self._before: Array | None = None
        self._leaked: list[bytes] = []
        self._count = 0
        self._runs = open(Path(runs, str(os.getpid())), "ab", buffering=0) if runs else None  # noqa: SIM115, PTH123

    def __call__(self, *values: Array) -> Array:
        if self._seconds:
            time.sleep(self._seconds)
        if values[0][DIGEST:HEAD].tobytes() == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._hangs and self._hangs.exists():
            self._hang(self._hangs)
        if self._leaks:
            self._leaked.append(bytes(bytearray(self._leaks)))
        run = RUN.pack(os.getpid(), self._count, time.monotonic_ns())
        self._count += 1
        number = values[0][DIGEST:HEAD].tobytes()
        if self._runs is not None:
            self._runs.write(number + run)
        return self._spoilt(self._answer(values, run))

    def _answer(self, values: tuple[Array, ...], run: bytes) -> Array:
        answer = values[0].copy()
        for value in values[1:]:  # each stage's run stands in a place of its own
            np.maximum(answer[HEAD:], value[HEAD:], out=answer[HEAD:])
        heads = (value[:HEAD].tobytes() for value in values)
        made = digest(self._stage, self._generation, *heads)
        answer[:DIGEST] = np.frombuffer(made, np.uint8)
        start = HEAD + self._place * RUN.size
        answer[start : start + RUN.size] = np.frombuffer(run, np.uint8)
        return answer

    def _hang(self, found: Path) -> None:
        found.unlink()
        while True:
            time.sleep(3600)

    def _spoilt(self, answer: Array) -> Array:
        before, self._before = self._before, answer
        if self._mixes and before is not None and self._count % 2:
            return before
        return answer
