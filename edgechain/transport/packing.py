"""Bytes made smaller for a slow link, and back as they were: the only door to zstandard.

Level 1 of Zstandard (RFC 8878): boundary tensors of five models with a real photo shrank to 0.53 to
0.82 of their bytes where they are int8, at 1.2 to 4 ms a megabyte and 0.7 to 1.2 ms back, on an x86
core. Higher levels and zlib gain nothing there for many times the work, LZ4 hardly shrinks them.

A frame says how many bytes it holds before any of them is there. That is a peer's word: it is
judged before memory is taken, because the library takes what the frame says.
"""

from __future__ import annotations

import threading

from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError, frame_content_size

from edgechain.errors import ProtocolError

LEVEL = 1


class _Contexts(threading.local):
    """The library's working memory; a thread must not use that of another."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(level=LEVEL)
        self.decompressor = ZstdDecompressor()


_CONTEXTS = _Contexts()


def pack(view: memoryview) -> bytes:
    """One frame that holds these bytes and says how many they are; it may be larger than they."""
    return _CONTEXTS.compressor.compress(view)


def claimed(data: memoryview | bytes) -> int:
    """The bytes that a frame says it holds; 0 where it does not say, or is none."""
    try:
        return max(0, frame_content_size(data))
    except ZstdError:
        return 0


def unpack(data: memoryview | bytes, most: int) -> bytes:
    """What a frame holds: one byte to ``most``, and no memory is taken for more.

    Raises ``ProtocolError`` where it is no frame, or not one alone and whole, or where it holds, or
    says that it holds, anything else.
    """
    try:
        size = frame_content_size(data)
        if not 0 < size <= most:
            raise ProtocolError(f"a packed chunk says that it holds {size} bytes, not 1 to {most}")
        return _CONTEXTS.decompressor.decompress(data, allow_extra_data=False)
    except ZstdError as error:
        raise ProtocolError(f"a packed chunk cannot be unpacked: {error}") from error
