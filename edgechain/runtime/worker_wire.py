"""What a node's daemon and its interpreter workers say to each other over a socket pair.

Messages are length-prefixed. The first one each way is JSON (a ``WorkerSetup``, and its verdict);
after that the daemon sends a slot and the shapes of the inputs in it, and the worker answers
with the time it took and the shapes of the outputs it left there, or with one line of text.
No tensor passes here: those lie in the slot.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.spec.printable import one_line

Shapes = tuple[tuple[int, ...], ...]

LENGTH = struct.Struct("<I")
_RUN = struct.Struct("<II")
_DONE = struct.Struct("<BQ")
_COUNT = struct.Struct("<I")
MAX_MESSAGE_BYTES = 1 << 20
"""A setup names at most a few hundred tensors; an answer is far smaller."""

_OK, _FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Region:
    """Where a tensor lies in every slot (bytes) and what may be there; -1 is any size."""

    name: str
    offset: int
    max_bytes: int
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """Everything a worker needs to know. ``file`` is absolute and must have this SHA-256."""

    stage: str
    arena_bytes: int
    slot_bytes: int
    inputs: tuple[Region, ...]
    outputs: tuple[Region, ...]
    threads: int
    interpreter: str
    file: str | None
    sha256: str | None
    actor: str | None
    options: dict[str, bool | int | float | str]
    search_path: str

    def to_json(self) -> bytes:
        """As one message."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> WorkerSetup:
        """The inverse of ``to_json``."""
        fields = json.loads(text)
        for side in ("inputs", "outputs"):
            fields[side] = tuple(
                Region(**{**region, "shape": tuple(region["shape"])}) for region in fields[side]
            )
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Ran:
    """A stage ran: how long, in nanoseconds, and what shapes its outputs have."""

    nanoseconds: int
    shapes: Shapes


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker ended, or went silent, while it ran a stage; ``reason`` is one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resting:
    """The stage ran nothing: it rests after its workers were lost; ``reason`` is one line."""

    reason: str


Outcome = Ran | str | Lost
"""What became of one run of a stage: it ran, it failed (one line why), or it took its worker."""


def pack_run(slot: int, shapes: Shapes) -> bytes:
    """Daemon to worker: run on this slot."""
    return _RUN.pack(slot, len(shapes)) + _pack_shapes(shapes)


def unpack_run(message: bytes) -> tuple[int, Shapes]:
    """The inverse of ``pack_run``."""
    slot, count = _RUN.unpack_from(message)
    return slot, _unpack_shapes(message[_RUN.size :], count)


def pack_ran(nanoseconds: int, shapes: Shapes) -> bytes:
    """Worker to daemon: it ran."""
    return _DONE.pack(_OK, nanoseconds) + _COUNT.pack(len(shapes)) + _pack_shapes(shapes)


def pack_failure(reason: str) -> bytes:
    """Worker to daemon: it failed, and why in one line."""
    return _DONE.pack(_FAILED, 0) + one_line(reason).encode()[:4096]


def unpack_answer(message: bytes) -> Ran | str:
    """What the worker answered: ``Ran``, or why it failed. Raises ``ValueError`` on nonsense."""
    try:
        status, nanoseconds = _DONE.unpack_from(message)
        rest = message[_DONE.size :]
        if status == _FAILED:
            return rest.decode(errors="replace")
        (count,) = _COUNT.unpack_from(rest)
        return Ran(nanoseconds, _unpack_shapes(rest[_COUNT.size :], count))
    except (struct.error, IndexError) as error:
        raise ValueError(f"{len(message)} bytes are no answer") from error


def _pack_shapes(shapes: Sequence[Sequence[int]]) -> bytes:
    return b"".join(struct.pack(f"<B{len(s)}q", len(s), *s) for s in shapes)


def _unpack_shapes(data: bytes, count: int) -> Shapes:
    shapes, at = [], 0
    for _ in range(count):
        rank = data[at]
        shapes.append(struct.unpack_from(f"<{rank}q", data, at + 1))
        at += 1 + 8 * rank
    return tuple(shapes)
