"""The daemon's side of its zygote: start it, have it fork workers, survive its end."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque

from edgechain.errors import WorkerLost
from edgechain.runtime.zygote_wire import FORK, RECORD_BYTES, Descriptors, Event, Record

START_SECONDS = 60.0
"""A Zero 2 W needs about 5 s to import numpy and the interpreter, and is given time to swap."""

FORK_SECONDS = 5.0
"""A fork takes milliseconds; a zygote that does not answer for so long is replaced."""

ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""A process with one thread can be forked; numpy's BLAS would start one per core on import."""


class Child:
    """A worker's process: its id, and ``ended``, its exit status once it is known to be over.

    That is ``None`` when its zygote ended too and nobody could tell.
    """

    def __init__(self, pid: int):
        self.pid = pid
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()


class ZygoteProcess:
    """One zygote; it is started when it is first needed and again whenever it has ended.

    With a zygote its workers end (``kinship.die_with``), so their owners ask it for others, which
    start the next zygote. ``close`` may be called twice.
    """

    def __init__(self, interpreter: str):
        self._interpreter = interpreter
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._ready: asyncio.Future[None] | None = None
        self._waiting: deque[asyncio.Future[Child]] = deque()
        self._children: dict[int, Child] = {}
        self._unread = b""

    @property
    def pid(self) -> int:
        """Its process id; 0 while there is none."""
        return self._process.pid if self._process and self._control else 0

    async def fork(self, descriptors: Descriptors) -> Child:
        """Have a worker born with these descriptors. Raises ``WorkerLost`` when that fails."""
        async with self._starting:
            control = self._control or await self._start()
        born: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._waiting.append(born)
        try:
            socket.send_fds(control, [FORK], descriptors)
            async with asyncio.timeout(FORK_SECONDS):
                return await born
        except (OSError, TimeoutError) as error:
            if self._control is control:
                self._lose()
            raise WorkerLost("the process that workers are forked from does not answer") from error

    async def _start(self) -> socket.socket:
        await self._end_process()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = self._spawn(theirs.fileno())
        except BaseException:
            ours.close()
            raise
        await self._introduce(ours)
        return ours

    def _spawn(self, fileno: int) -> subprocess.Popen[bytes]:
        """Start the process; blocks for milliseconds.

        In this thread, because Linux ends it with the thread that started it. Not by the loop's
        own means, because uvloop forks: where gRPC works in other threads, some children do not
        live to their exec. ``Popen`` uses vfork.
        """
        return subprocess.Popen(
            (
                *(sys.executable, "-P", "-m", "edgechain.runtime.zygote"),
                *(str(fileno), self._interpreter, str(os.getpid())),
            ),
            pass_fds=(fileno,),
            stdin=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
        )

    async def _introduce(self, control: socket.socket) -> None:
        control.setblocking(False)
        loop = asyncio.get_running_loop()
        self._control, self._ready, self._unread = control, loop.create_future(), b""
        loop.add_reader(control, self._read)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._ready
        except BaseException as error:
            self._lose()
            if not isinstance(error, TimeoutError | WorkerLost):
                raise
            code = await self._end_process()
            reason = f"the process that workers are forked from does not start (status {code})"
            raise WorkerLost(reason) from error

    def _read(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(1024 * RECORD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self._unread += data
        while len(self._unread) >= RECORD_BYTES:
            record = Record.unpack(self._unread[:RECORD_BYTES])
            self._unread = self._unread[RECORD_BYTES:]
            self._hear(record)

    def _hear(self, record: Record) -> None:
        match record.event:
            case Event.READY if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
            case Event.BEGAN | Event.FAILED:
                self._answer(record)
            case Event.ENDED if child := self._children.pop(record.pid, None):
                child.ended.set_result(record.value)

    def _answer(self, record: Record) -> None:
        born = self._waiting.popleft()
        child = Child(record.pid)
        if record.event is Event.BEGAN:
            self._children[child.pid] = child
        if born.done():  # nobody waits any more: its channel is closed, it will end by itself
            return
        if record.event is Event.BEGAN:
            born.set_result(child)
        else:
            born.set_exception(WorkerLost(f"no process for it: {os.strerror(record.value)}"))

    def _lose(self) -> None:
        """It has ended, or is to end; with it its children."""
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control)
            control.close()
        if self._process is not None:
            self._process.kill()
        lost = WorkerLost("the process that workers are forked from has ended")
        for waiting in (self._ready, *self._waiting):
            if waiting is not None and not waiting.done():
                waiting.set_exception(lost)
        self._waiting.clear()
        for child in self._children.values():
            child.ended.set_result(None)
        self._children.clear()

    async def _end_process(self) -> int | None:
        process, self._process = self._process, None
        return None if process is None else await asyncio.to_thread(process.wait)

    async def close(self) -> None:
        """End it; workers that still live end with it."""
        self._lose()
        await self._end_process()
