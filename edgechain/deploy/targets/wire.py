"""Frames over the standard streams of a process that may be far away.

A frame is four bytes, big endian, and as many bytes of a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from edgechain.deploy.targets.answers import clean
from edgechain.errors import CannotReach

MAX_FRAME = (1 << 20) + (64 << 10)
"""A bundle's listing, which has at most a mebibyte, and what goes around it."""

MAX_GREETING = 1 << 16
"""A login shell may say something before the agent does; not more than this."""

_STARTING = "starting the agent"
_LENGTH = struct.Struct(">I")


class Reader(Protocol):
    """What asyncio's and asyncssh's readers have in common."""

    async def readexactly(self, n: int, /) -> bytes:
        """Exactly ``n`` bytes; EOFError where there are less."""


class Writer(Protocol):
    """What asyncio's and asyncssh's writers have in common."""

    def write(self, data: bytes, /) -> None:
        """Take bytes to send."""

    async def drain(self) -> None:
        """Wait until there is room for more."""


@dataclass
class Wire:
    """One connection; ``where`` is how people call its far end.

    ``last_words`` gives what the process has said on stderr. ``breaks`` are the errors that a
    lost connection shows itself by. Every failure is a ``CannotReach`` that says while doing what.
    """

    where: str
    reader: Reader
    writer: Writer
    last_words: Callable[[], Awaitable[str]]
    breaks: tuple[type[Exception], ...] = (OSError, EOFError)
    sent: int = field(default=0, init=False)
    """Bytes written so far."""

    async def greeting(self, mark: bytes, seconds: float) -> bytes:
        """The character after ``mark``; what comes before is a shell's and is passed over."""
        said = bytearray()
        while not said.endswith(mark):
            if len(said) > MAX_GREETING:
                raise CannotReach(f"{self.where}: its login shell says too much before the agent")
            said += await self._read(1, seconds, _STARTING)
        return (await self._read(2, seconds, _STARTING))[:1]

    async def write(self, data: bytes, doing: str, seconds: float) -> None:
        """Send bytes and wait until the connection has room for more."""
        try:
            async with asyncio.timeout(seconds):
                self.writer.write(data)
                await self.writer.drain()
        except TimeoutError:
            raise self._silent(doing, seconds) from None
        except self.breaks as error:
            raise await self._lost(doing) from error
        self.sent += len(data)

    async def send(self, message: dict[str, Any], doing: str, seconds: float) -> None:
        """Send one frame."""
        data = json.dumps(message, separators=(",", ":")).encode()
        await self.write(_LENGTH.pack(len(data)) + data, doing, seconds)

    async def receive(self, doing: str, seconds: float | None) -> dict[str, Any]:
        """The next frame."""
        (length,) = _LENGTH.unpack(await self._read(_LENGTH.size, seconds, doing))
        if length > MAX_FRAME:
            raise CannotReach(f"{self.where}: what answers is not our agent (while {doing})")
        data = await self._read(length, seconds, doing)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise CannotReach(f"{self.where}: its agent answers with what is no JSON object")
        return found

    async def _read(self, count: int, seconds: float | None, doing: str) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await self.reader.readexactly(count)
        except TimeoutError:
            raise self._silent(doing, seconds) from None
        except self.breaks as error:
            raise await self._lost(doing) from error

    def _silent(self, doing: str, seconds: float | None) -> CannotReach:
        return CannotReach(f"{self.where}: no word for {seconds or 0:.0f} s while {doing}")

    async def _lost(self, doing: str) -> CannotReach:
        words = clean(await self.last_words())
        said = f"; it said: {words}" if words else ""
        return CannotReach(f"{self.where}: the connection was lost while {doing}{said}")
