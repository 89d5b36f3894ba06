"""The allocator's tuning, to be done before anything large is allocated."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""glibc's malloc.h."""

_KEEP_BYTES = 512 << 20
_MMAP_BYTES = 32 << 20
"""The largest glibc takes on 64-bit systems (HEAP_MAX / 2): megabyte-sized messages then come
from the heap and stay mapped, instead of 480 to 2,460 page faults for every tensor."""


def tune_allocator() -> bool:
    """Keep freed memory for the next message; false where this is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    settings = (
        (_M_MMAP_THRESHOLD, _MMAP_BYTES),
        (_M_TRIM_THRESHOLD, _KEEP_BYTES),
        (_M_ARENA_MAX, 1),
    )
    return all(mallopt(name, value) for name, value in settings)
