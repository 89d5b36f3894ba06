"""The daemon's side of an interpreter worker: have it forked, give it slots, notice its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edgechain.errors import InvalidChain, WorkerLost
from edgechain.runtime import worker_wire as wire
from edgechain.runtime.words import Words, WordsReader
from edgechain.runtime.worker_channel import WorkerChannel
from edgechain.runtime.worker_wire import Ran, Shapes, WorkerSetup
from edgechain.runtime.zygote_process import Child, ZygoteProcess
from edgechain.runtime.zygote_wire import Descriptors

_LOG = logging.getLogger(__name__)

LOAD_SECONDS = 60.0
"""A Zero 2 W loads 10 MB in 2 s; nothing that fits such a board needs a minute."""

STOP_SECONDS = 5.0
"""How long a worker that was told to end may finish its invoke before it is killed."""

LEAVE_SECONDS = 0.5
"""How long a worker that hung up may take to be gone: hanging up is the last that it does."""

TICK_SECONDS = 0.1
"""How often one asks whether a run hangs; a shorter run costs no such question."""


class WorkerProcess:
    """One running worker. One call at a time; ``close`` may be called twice."""

    def __init__(self, stage: str, child: Child, channel: WorkerChannel, reader: WordsReader):
        self._stage = stage
        self._child = child
        self._channel = channel
        self._reader = reader
        child.ended.add_done_callback(self._ended)

    def _ended(self, status: asyncio.Future[int | None]) -> None:
        """Its last words may still be on their way; its end of the channel may be held by others.

        What an actor has started, and what it has forked, lives on as it likes.
        """
        status.get_loop().call_later(LEAVE_SECONDS, self._channel.close)

    @classmethod
    async def start(
        cls,
        setup: WorkerSetup,
        arena_fileno: int,
        zygote: ZygoteProcess,
        on_end: Callable[[], None] = lambda: None,
    ) -> WorkerProcess:
        """Have a worker forked and wait until it can run; ``on_end`` is called when it has ended.

        Raises ``InvalidChain`` when the stage cannot be loaded, ``WorkerLost`` when the process
        dies or hangs over it, or cannot be forked.
        """
        worker = await cls._fork(setup.stage, arena_fileno, zygote, on_end)
        try:
            await worker.load(setup)
        except BaseException:
            await worker.close()
            raise
        return worker

    @classmethod
    async def _fork(
        cls, stage: str, arena_fileno: int, zygote: ZygoteProcess, on_end: Callable[[], None]
    ) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        reader = WordsReader(reading, Words(_logger(stage), time.monotonic))
        channel = WorkerChannel(on_end)
        try:
            child = await zygote.fork(Descriptors(theirs.fileno(), arena_fileno, writing))
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: channel, sock=ours)
        except BaseException as error:
            ours.close()  # a worker that was born sees it and ends
            reader.close()
            if isinstance(error, WorkerLost):
                raise WorkerLost(f"stage {stage}: {error}") from error
            raise
        finally:
            theirs.close()
            os.close(writing)
        return cls(stage, child, channel, reader)

    async def load(self, setup: WorkerSetup) -> None:
        """Have it load its stage, once; returns when it can run. Raises as ``start`` does."""
        until = time.monotonic() + LOAD_SECONDS
        answer = await self._ask(setup.to_json(), lambda: time.monotonic() > until)
        if isinstance(answer, str):
            prefix = f"stage {self._stage}: "
            raise InvalidChain(prefix + answer.removeprefix(prefix))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    @property
    def gone(self) -> bool:
        """Whether it has hung up; ``verdict`` says how it ended."""
        return self._channel.closed

    async def run(
        self, slot: int, shapes: Shapes, is_hung: Callable[[], bool] = lambda: False
    ) -> Ran | str:
        """Run the stage on a slot: ``Ran``, or one line saying why the stage failed.

        ``is_hung`` is asked now and then while it runs. Raises ``WorkerLost`` when the process
        ends instead of answering, or is ended because it hangs.
        """
        return await self._ask(wire.pack_run(slot, shapes), is_hung)

    async def _ask(self, message: bytes, is_hung: Callable[[], bool]) -> Ran | str:
        self._reader.words.begin()
        start = time.monotonic()
        answer = self._channel.ask(message)
        while not answer.done():
            await asyncio.wait((answer,), timeout=TICK_SECONDS)
            if not answer.done() and is_hung():
                self.kill()
                self._channel.close()
                waited = time.monotonic() - start
                raise self._lost(f"hung: no answer for {waited:.1f} s")
        if (said := answer.result()) is not None:
            with suppress(ValueError):
                return wire.unpack_answer(said)
        raise await self.verdict()

    async def verdict(self) -> WorkerLost:
        """How it ended, now that nobody speaks with it any more."""
        code = await self._end(LEAVE_SECONDS)
        self._reader.close()
        last = self._reader.words.last
        return self._lost(_manner(code) + (f": {last}" if last else ""))

    def _lost(self, how: str) -> WorkerLost:
        return WorkerLost(f"stage {self._stage}: its worker {how}")

    def resident_bytes(self) -> int:
        """The worker's resident memory; 0 where the system does not tell."""
        return resident_bytes(self.pid)

    async def close(self) -> None:
        """Hang up, wait until the process is gone, kill it if it takes too long."""
        await self._end(STOP_SECONDS)
        self._reader.close()

    async def _end(self, patience: float) -> int | None:
        self._channel.close()
        await asyncio.wait((self._child.ended,), timeout=patience)
        if not self._child.ended.done():
            self.kill()
            await asyncio.wait((self._child.ended,), timeout=LEAVE_SECONDS)
        return self._child.ended.result() if self._child.ended.done() else None

    def kill(self) -> None:
        """End the process at once."""
        if not self._child.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _logger(stage: str) -> Callable[[str], None]:
    return lambda line: _LOG.info("stage %s says: %s", stage, line)


def _manner(code: int | None) -> str:
    if code is None:
        return "ended with the process it was forked from"
    return f"was killed by signal {-code}" if code < 0 else f"exited with status {code}"


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
