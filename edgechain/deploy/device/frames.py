"""What the agent and whoever flashes send each other: frames over two pipes.

A frame is four bytes with a length, the most significant first, and a JSON object of that many
bytes in UTF-8. The frame of a ``put`` is followed by exactly as many raw bytes as its ``size``
says. A peer that breaks this is refused; where the next frame begins is then unknown, so the
conversation ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from edgechain.deploy.device.refusal import Invalid

HEAD = 4
MAX_BYTES = (1 << 20) + (1 << 16)
"""A listing, and what stands around it."""

PIECE = 1 << 16

Frame = dict[str, Any]


class Broken(Invalid):
    """What came is no frame."""


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame, or None when the stream ends before it. Raises ``Broken``."""
    head = _read(stream, HEAD)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    if len(head) < HEAD or size > MAX_BYTES:
        raise Broken(f"a frame may have {MAX_BYTES:,} bytes, and this one says {size:,}")
    data = _read(stream, size)
    if len(data) < size:
        raise Broken("the connection ended within a frame")
    try:
        frame = json.loads(data)
    except (ValueError, RecursionError):
        raise Broken("a frame holds no JSON") from None
    if not isinstance(frame, dict):
        raise Broken("a frame holds no JSON object")
    return frame


def write_frame(stream: BinaryIO, frame: Mapping[str, object]) -> None:
    """Send a frame."""
    data = json.dumps(frame, separators=(",", ":")).encode()
    stream.write(len(data).to_bytes(HEAD, "big") + data)
    stream.flush()


class Body:
    """The raw bytes after a frame; what nobody has read of them, ``drain`` throws away."""

    def __init__(self, stream: BinaryIO, size: int):
        self._stream, self._left = stream, size

    def read(self, most: int) -> bytes:
        """Up to ``most`` bytes; none when all were read, or the stream has ended."""
        piece = self._stream.read(min(most, self._left))
        self._left -= len(piece)
        return piece

    def drain(self) -> None:
        """Come to the next frame."""
        while self._left and self.read(PIECE):
            pass


def _read(stream: BinaryIO, size: int) -> bytes:
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
