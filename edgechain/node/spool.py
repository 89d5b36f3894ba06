"""A model that arrives in pieces, kept in a file that has no name: nothing of it can be left."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, TypeVar

from edgechain.errors import NotMeasured
from edgechain.spec.profiling import MOST_MODEL_BYTES, NoKind

Result = TypeVar("Result")


class Spool:
    """``open``, ``add`` again and again, ``check``; ``close`` at any time.

    Every step is done in a thread, one after the other, so that the loop does not wait for a card.
    Steps raise ``NotMeasured``.
    """

    def __init__(self, size: int, sha256: str):
        self._size = size
        self._wanted = sha256
        self._found = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self._step: asyncio.Future[Any] | None = None

    @property
    def fileno(self) -> int:
        """The file, for a process that inherits it. Its position is anywhere."""
        return self._opened.fileno()

    async def open(self) -> None:
        """Make room, if there is enough."""
        if self._size > MOST_MODEL_BYTES:
            reason = f"the model has {self._size} bytes, and {MOST_MODEL_BYTES} are the most"
            raise NotMeasured(NoKind.TOO_LARGE, reason)
        await self._in_thread(self._open)

    def _open(self) -> None:
        try:
            folder = tempfile.gettempdir()
            free = shutil.disk_usage(folder).free
            if self._size > free:
                reason = f"{folder} has room for {free} bytes, and the model has {self._size}"
                raise NotMeasured(NoKind.NO_ROOM, reason)
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see `close`
        except OSError as error:
            raise _no_room(error) from error

    async def add(self, piece: bytes) -> None:
        """Take the next bytes."""
        await self._in_thread(lambda: self._add(piece))

    def _add(self, piece: bytes) -> None:
        self._found.update(piece)
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[self._opened.write(rest) :]
        except OSError as error:
            raise _no_room(error) from error

    def check(self) -> None:
        """See that what came is what was announced."""
        if self._found.hexdigest() != self._wanted:
            raise NotMeasured(
                NoKind.DAMAGED, "the model's SHA-256 is not the one that was announced"
            )

    async def _in_thread(self, step: Callable[[], Result]) -> Result:
        """Do a step to its end, also where nobody waits for it any more."""
        doing = self._step = asyncio.ensure_future(asyncio.to_thread(step))
        return await asyncio.shield(doing)

    async def close(self) -> None:
        """Give the room back; may be called twice."""
        if self._step is not None:
            with suppress(Exception):
                await self._step
        file, self._file = self._file, None
        if file is not None:
            await asyncio.to_thread(file.close)

    @property
    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise RuntimeError("open() comes first")
        return self._file


def _no_room(error: OSError) -> NotMeasured:
    return NotMeasured(NoKind.NO_ROOM, f"the model cannot be kept: {error.strerror}")
