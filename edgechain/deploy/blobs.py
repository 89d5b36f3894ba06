"""Bytes by their SHA-256: what is sent to a device, and whether it has it already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgechain.errors import InvalidBundle

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Some bytes and where they are: in a file of this machine, here, or (None) on the device."""

    sha256: str
    size: int
    source: Path | bytes | None = field(repr=False)

    @classmethod
    def of(cls, content: bytes) -> Blob:
        """Bytes that are in memory."""
        return cls(hashlib.sha256(content).hexdigest(), len(content), content)

    @classmethod
    def at(cls, path: Path) -> Blob:
        """A file's bytes, as they are now. Raises ``InvalidBundle``."""
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                return cls(found, file.tell(), path)
        except OSError as error:
            raise InvalidBundle(f"{path}: cannot be read: {error.strerror}") from error

    def pieces(self) -> Iterator[bytes]:
        """The bytes, up to a MiB at a time; a device notices when they are others by now.

        Raises ``InvalidBundle`` when the file is not there any more, or has another size.
        """
        if self.source is None:
            raise InvalidBundle(f"{self.sha256[:12]}: only the device has these bytes")
        if isinstance(self.source, bytes):
            yield self.source
            return
        try:
            with self.source.open("rb") as file:
                left = self.size
                while left and (piece := file.read(min(PIECE, left))):
                    left -= len(piece)
                    yield piece
                if left or file.read(1):
                    raise InvalidBundle(f"{self.source}: was changed while it was sent")
        except OSError as error:
            raise InvalidBundle(f"{self.source}: cannot be read: {error.strerror}") from error
