"""What a node's daemon and its zygote say to each other over a socket pair.

The daemon sends ``FORK`` with the descriptors of a new worker (``Descriptors``, by SCM_RIGHTS).
The zygote sends records of one size: ready, a worker began, a worker could not begin, a worker
ended. Answers come in the order of the requests.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

FORK = b"F"
_RECORD = struct.Struct("<BIi")
RECORD_BYTES = _RECORD.size


class Descriptors(NamedTuple):
    """What a worker inherits: its channel, the slots' memory, and where its words go."""

    channel: int
    arena: int
    words: int


class Event(IntEnum):
    """What a record tells."""

    READY = 0
    BEGAN = 1
    FAILED = 2
    """``value`` is the system's error number."""
    ENDED = 3
    """``value`` is the exit status, a negative one is a signal."""


@dataclass(frozen=True, slots=True)
class Record:
    """Something the zygote tells; ``pid`` is the worker's."""

    event: Event
    pid: int = 0
    value: int = 0

    def pack(self) -> bytes:
        """As bytes."""
        return _RECORD.pack(self.event, self.pid, self.value)

    @classmethod
    def unpack(cls, data: bytes) -> Record:
        """The inverse of ``pack``. Raises ``ValueError`` on nonsense."""
        event, pid, value = _RECORD.unpack(data)
        return cls(Event(event), pid, value)
