"""Anonymous shared memory for a node's slots.

The memory has no name: workers inherit its descriptor, and it is gone with the last process
that maps it, however that process ends. Pages that no tensor ever touched cost nothing.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress

from edgechain.errors import NodeFailed


class Arena:
    """A block of shared memory, mapped here; ``fileno`` is what a worker inherits."""

    def __init__(self, fileno: int, size: int):
        self.fileno = fileno
        self.size = size
        self._map = mmap.mmap(fileno, size)
        self.view = memoryview(self._map)

    @classmethod
    def create(cls, size: int) -> Arena:
        """Make a new block of ``size`` bytes. Raises ``NodeFailed`` where there is no room."""
        fileno = _anonymous_file()
        try:
            os.ftruncate(fileno, size)
            return cls(fileno, size)
        except (OSError, OverflowError, ValueError) as error:
            os.close(fileno)
            raise NodeFailed(
                f"no {size >> 20} MB of memory for the slots; lower `slots`"
            ) from error

    def close(self) -> None:
        """Unmap and close; may be called twice. What is still looked at is unmapped later."""
        if self.fileno >= 0:
            os.close(self.fileno)
            self.fileno = -1
            with suppress(BufferError):
                self.view.release()
                self._map.close()


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("edgechain")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
