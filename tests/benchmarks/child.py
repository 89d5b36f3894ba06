"""A process that measures on command: one JSON object a line, in and out.

The side that starts it keeps its own work out of the way, and knows the process's id, so that
what it costs can be read from outside. A child ends when its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Self

from tests.benchmarks.settings import ROOT

Answer = dict[str, Any]
Handle = Callable[[Answer], Awaitable[Answer]]

PATIENCE_SECONDS = 120.0
"""The longest single measurement takes a few seconds on a quiet machine."""

LINE_BYTES = 1 << 24
"""Thousands of latencies in one line."""


class ChildFailed(Exception):
    """A measuring process ended or was silent; its own words are on standard error."""


class Child:
    """One measuring process. ``async with`` starts it and ends it.

    ``ready`` waits for its first line: several can be started before any is waited for.
    """

    def __init__(self, module: str, *arguments: str):
        self._command = (sys.executable, "-m", module, *arguments)
        self._process: asyncio.subprocess.Process | None = None
        self.hello: Answer = {}
        """What it said when it was ready; ``pid`` at least."""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
            cwd=ROOT,
        )
        return self

    async def ready(self) -> Answer:
        """Wait until it can be asked; what it said then."""
        self.hello = self.hello or await self._listen()
        return self.hello

    async def __aexit__(self, *exc: object) -> None:
        process = self._started()
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._started().pid

    async def ask(self, **command: Any) -> Answer:
        """Have something measured. Raises ``ChildFailed``."""
        process = self._started()
        if process.stdin is None:
            raise ChildFailed(f"{self._name} has no input")
        process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self._listen()

    async def _listen(self) -> Answer:
        process = self._started()
        if process.stdout is None:
            raise ChildFailed(f"{self._name} has no output")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            raise ChildFailed(f"{self._name} said nothing for {PATIENCE_SECONDS:g} s") from None
        if not line:
            raise ChildFailed(f"{self._name} ended with status {await process.wait()}")
        answer: Answer = json.loads(line)
        return answer

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("`async with` starts it")
        return self._process

    @property
    def _name(self) -> str:
        return " ".join(self._command[2:])


async def obey(hello: Answer, handle: Handle) -> None:
    """The child's side: say hello, then answer every command until the input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        _say({"pid": os.getpid(), **hello})
        while line := await reader.readline():
            _say(await handle(json.loads(line)))
    finally:
        transport.close()


def _say(answer: Answer) -> None:
    """One line, whole, also when a pipe takes only part of it at a time."""
    rest = memoryview(json.dumps(answer).encode() + b"\n")
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]
