"""The process that measures a model for a node: what it is told, what it says, how it ends.

The node stays small: the tools that cut models are loaded there and not here. That process has a
session of its own, gives way to the node's work, and lives as long as its standard input is open.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from edgechain.discovery.local import ENVIRONMENT as STATE
from edgechain.node.children import open_pipe
from edgechain.spec.profiling import MOST_PROFILE_BYTES

MODULE = "edgechain.cli.profiler"

END_SECONDS = 5.0
"""A measurement that is broken off ends its own nodes and interpreters, then itself."""

WORKPLACE = "edgechain-profile-"
"""How the folder begins that such a process has for itself."""


class MeasuringProcess:
    """``start``, ``report`` until it says nothing more, ``end``."""

    def __init__(self) -> None:
        self._workplace = Path(tempfile.gettempdir()) / f"{WORKPLACE}{token_hex(8)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._reports: asyncio.StreamReader | None = None
        self._pipe: asyncio.ReadTransport | None = None

    async def start(self, model: int, words: Sequence[str]) -> None:
        """Start it on the model in the file ``model``; blocks for milliseconds."""
        reading, writing = os.pipe()
        try:
            self._process = self._spawn(model, writing, words)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._reports, self._pipe = await open_pipe(reading, MOST_PROFILE_BYTES)

    def _spawn(self, model: int, writing: int, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Not by the loop's own means, which fork beside gRPC's threads; ``Popen`` uses vfork."""
        command = [sys.executable, "-P", "-m", MODULE, str(model), str(writing)]
        own = {"TMPDIR": str(self._workplace), STATE: str(self._workplace / "state")}
        return subprocess.Popen(
            [*command, str(self._workplace), *words],
            pass_fds=(model, writing),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "GRPC_VERBOSITY": "NONE", **own},
            start_new_session=True,
        )

    async def report(self) -> dict[str, Any] | None:
        """What it says next; ``None`` at its end."""
        if self._reports is None:
            raise RuntimeError("start() comes first")
        line = await self._reports.readline()
        said: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return said

    async def end(self) -> str:
        """End it if it has not ended, with all that it has started; how that was.

        May be called twice. Nothing of it is left.
        """
        process, pipe = self._process, self._pipe
        code = await asyncio.to_thread(_end, process, self._workplace) if process else 0
        if pipe is not None:
            pipe.close()
        return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"


def _end(process: subprocess.Popen[bytes], workplace: Path) -> int:
    """Hang up, wait, and kill in the end; who is killed leaves it to us to tidy up."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        code = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    shutil.rmtree(workplace, ignore_errors=True)
    return code
