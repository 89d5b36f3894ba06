"""The daemon's side of an interpreter worker: start it, give it slots, notice its end."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from edgechain.errors import InvalidChain, WorkerLost
from edgechain.runtime import worker_wire as wire
from edgechain.runtime.worker_wire import Ran, Shapes, WorkerSetup

START_SECONDS = 60.0
"""A Zero 2 W needs about 5 s to import numpy and the interpreter and to load 10 MB."""

WORDS_KEPT_BYTES = 1 << 20
"""What a worker may print before its earlier words are forgotten."""

STOP_SECONDS = 5.0
"""How long a worker that was told to end may finish its invoke before it is killed."""


class WorkerProcess:
    """One running worker. One call at a time; ``close`` may be called twice."""

    def __init__(
        self,
        setup: WorkerSetup,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        stderr: IO[bytes],
    ):
        self._setup = setup
        self._process = process
        self._reader, self._writer = streams
        self._stderr = stderr

    @classmethod
    async def start(cls, setup: WorkerSetup) -> WorkerProcess:
        """Start a worker and wait until it can run.

        Raises ``InvalidChain`` when the stage cannot be loaded, ``WorkerLost`` when the process
        dies over it.
        """
        ours, theirs = socket.socketpair()
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *_interpreter_command(),
                    str(theirs.fileno()),
                    pass_fds=(theirs.fileno(), setup.arena_fileno),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                )
            ours.setblocking(False)
            streams = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            ours.close()  # a worker that was started sees it and ends
            stderr.close()
            raise
        worker = cls(setup, process, streams, stderr)
        try:
            await worker._introduce()
        except BaseException:
            await worker.close()
            raise
        return worker

    async def _introduce(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                answer = await self._ask(self._setup.to_json())
        except TimeoutError:
            raise WorkerLost(
                f"stage {self._setup.stage}: its worker did not load in {START_SECONDS:.0f} s"
            ) from None
        if isinstance(answer, str):
            prefix = f"stage {self._setup.stage}: "
            raise InvalidChain(prefix + answer.removeprefix(prefix))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    async def run(self, slot: int, shapes: Shapes) -> Ran | str:
        """Run the stage on a slot: ``Ran``, or one line saying why the stage failed.

        Raises ``WorkerLost`` when the process ends instead of answering.
        """
        outcome = await self._ask(wire.pack_run(slot, shapes))
        self._forget_old_words()
        return outcome

    async def _ask(self, message: bytes) -> Ran | str:
        try:
            self._writer.write(wire.LENGTH.pack(len(message)) + message)
            prefix = await self._reader.readexactly(wire.LENGTH.size)
            (size,) = wire.LENGTH.unpack(prefix)
            if size > wire.MAX_MESSAGE_BYTES:
                raise ValueError(f"{size} bytes are no answer")
            return wire.unpack_answer(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            code = await self._end()
            raise WorkerLost(
                f"stage {self._setup.stage}: its worker {_manner(code)}{self._last_words()}"
            ) from error

    def _last_words(self) -> str:
        fileno = self._stderr.fileno()
        size = os.fstat(fileno).st_size
        lines = (
            os.pread(fileno, 4096, max(0, size - 4096))
            .decode(errors="replace")
            .strip()
            .splitlines()
        )
        return f": {lines[-1]}" if lines else ""

    def _forget_old_words(self) -> None:
        """An actor that prints with every frame must not fill the disk."""
        fileno = self._stderr.fileno()
        if os.fstat(fileno).st_size > WORDS_KEPT_BYTES:
            os.lseek(fileno, 0, os.SEEK_SET)  # the worker's offset too: it inherited this one
            os.ftruncate(fileno, 0)

    def resident_bytes(self) -> int:
        """The worker's resident memory; 0 where the system does not tell."""
        return resident_bytes(self.pid)

    async def close(self) -> None:
        """Hang up, wait until the process is gone, kill it if it takes too long."""
        await self._end()
        self._stderr.close()

    async def _end(self) -> int:
        """How the process ended, now that nobody speaks with it any more."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            self._process.kill()


def _interpreter_command() -> Sequence[str]:
    return (sys.executable, "-P", "-m", "edgechain.runtime.worker")


def _manner(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"exited with status {code}"


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
