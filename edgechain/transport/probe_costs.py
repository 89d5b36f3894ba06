"""What processors spend on a link while it is measured: differences between two moments."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgechain.errors import ProtocolError

MB = 1e6

Meter = Callable[[], float | None]
"""Seconds that this process has had of the processor since the meter was made.

``None`` for good once they are not the link's alone, or where its clock is too coarse to tell.
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """Bytes that had left here and bytes known to have come there; both processors' seconds."""

    sent: int
    received: int
    here: float | None
    there: float | None


def spent(before: float | None, after: float | None) -> float | None:
    """Seconds between two readings, if there are two and the clock has moved.

    Raises ``ProtocolError`` where it has moved backwards, as only somebody else's can.
    """
    if before is None or after is None:
        return None
    if after < before:
        raise ProtocolError("what its processor has spent grows less")
    return after - before or None


def per_megabyte(start: Moment, end: Moment) -> tuple[float | None, float | None]:
    """Milliseconds for a megabyte that is sent, and for one that is received.

    The first only where everything that was sent has come: of what is still under way nobody knows
    how far the processor is with it. Raises ``ProtocolError`` as ``spent``.
    """
    whole = end.received == end.sent
    here = spent(start.here, end.here) if whole else None
    there = spent(start.there, end.there)
    return _ms(here, end.sent - start.sent), _ms(there, end.received - start.received)


def _ms(seconds: float | None, size: int) -> float | None:
    return None if seconds is None or size <= 0 else round(seconds * 1000 / (size / MB), 4)


def per_message(each: Sequence[float | None]) -> float | None:
    """Milliseconds for a message and its answer, the median; nothing where one is not known."""
    known = [seconds for seconds in each if seconds is not None]
    if not known or len(known) < len(each):
        return None
    return round(statistics.median(known) * 1000, 4)
