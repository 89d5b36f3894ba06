"""How long a link takes there and back, from what its peer acknowledges. Pure.

Every time is one of our own clock: from writing a frame to hearing that it has arrived. None is
shorter than the way there and back; many are longer, because an acknowledgement may wait for the
next beat. The smallest of the last ones is therefore close to the truth as soon as one of them
came at once, and never below it. It has the frame's own bytes in it.
"""

from __future__ import annotations

from collections import deque

TIMES_KEPT = 64
"""At 20 acknowledgements a second some three seconds of tensors."""

FRAMES_KEPT = 256
"""Frames under way that are remembered. Of more the oldest are forgotten, which costs a time at
worst: acknowledgements come at least as often as beats."""


class RoundTrips:
    """Frames under way on one stream, and what the last acknowledged ones took."""

    def __init__(self) -> None:
        self._under_way: deque[tuple[int, float]] = deque(maxlen=FRAMES_KEPT)
        """Bytes sent when a frame was written, itself included, and when that was."""
        self._times: deque[float] = deque(maxlen=TIMES_KEPT)

    def wrote(self, sent: int, now: float) -> None:
        """A frame is about to be written, with which so many bytes were sent in all."""
        self._under_way.append((sent, now))

    def arrived(self, acknowledged: int, now: float, *, at_once: bool) -> None:
        """The peer has so many bytes in all; ``at_once``: it did not wait for a beat to say so."""
        written = None
        while self._under_way and self._under_way[0][0] <= acknowledged:
            written = self._under_way.popleft()[1]
        if written is not None and at_once:
            self._times.append(now - written)

    def forget(self) -> None:
        """What was written up to now is not counted by the peer."""
        self._under_way.clear()

    @property
    def smallest(self) -> float | None:
        """Seconds; nothing before the first time."""
        return min(self._times, default=None)
