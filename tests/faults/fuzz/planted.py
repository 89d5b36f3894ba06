"""Decoders that are broken on purpose: the fuzz has to find each of them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from zstandard import ZstdDecompressor, ZstdError

from edgechain.spec.message import Chunk, Control
from edgechain.transport.codec import decode_all
from tests.faults.fuzz.targets import Frames, Target

HOARDED_BYTES = 4096


def careless(frame: bytes) -> Iterable[Chunk | Control]:
    """Looks for the first dimension of a shape that a chunk need not have."""
    for message in decode_all(frame):
        if isinstance(message, Chunk) and message.offset and message.total < message.offset:
            raise IndexError("tuple index out of range")
        yield message


class Hoarding:
    """Keeps a little of every frame."""

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    def __call__(self, frame: bytes) -> Iterable[Chunk | Control]:
        self._kept.append(bytearray(os.urandom(64)) * (HOARDED_BYTES // 64))
        return decode_all(frame)


def quitting(frame: bytes) -> Iterable[Chunk | Control]:
    """Ends the process where a chunk says that it is larger than anything."""
    for message in decode_all(frame):
        if isinstance(message, Chunk) and message.total >= 1 << 62:
            os._exit(3)
        yield message


def inflating(frame: bytes) -> Iterable[Chunk | Control]:
    """Unpacks what comes packed, as much as it says that it is."""
    for message in decode_all(frame):
        if isinstance(message, Chunk) and message.packed:
            with suppress(ZstdError):
                ZstdDecompressor().decompress(message.data)
        yield message


PLANTED: Mapping[str, Callable[[], Target]] = {
    "careless": lambda: Frames(careless),
    "hoarding": lambda: Frames(Hoarding()),
    "quitting": lambda: Frames(quitting),
    "inflating": lambda: Frames(inflating),
}
