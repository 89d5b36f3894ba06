"""Whether a peer lives, and what its link carries: judged by progress, not by hope. Pure.

Both sides say ``Beat`` twice a second and in it how much they have received. A stream is lost
when nothing arrives for ``SILENCE_SECONDS``, or when the peer says as long that nothing of ours
arrives. A link that is known to be slow is given the time of three more chunks. The clock is
handed in.
"""

from __future__ import annotations

TICK_SECONDS = 0.25
TICKS_A_BEAT = 2
BEAT_SECONDS = TICK_SECONDS * TICKS_A_BEAT

SILENCE_SECONDS = 2.0
"""Four beats. With a tick and three chunks of ``CHUNK_SECONDS`` it stays below the 2.5 s in which
a peer that is gone has to be noticed."""

SLOW_CHUNKS = 3
MAX_SLOW_SECONDS = 3.0
"""What a slow link may be given on top: 64 KiB a second. Who carries less is of no use to us."""

LATE_SECONDS = 1.0
"""A tick that comes so late says that we were stopped, and nothing about the peer."""

FIRST_CHUNK_BYTES = 256 << 10
MIN_CHUNK_BYTES = 64 << 10
MAX_CHUNK_BYTES = 1 << 20
"""Fastest of 64 KiB to 3.9 MB on a stream (DESIGN.md, section 5), and below gRPC's 4 MB guard."""

CHUNK_SECONDS = 0.05
"""What a chunk may take on its link: so long does control wait behind one."""

PROMPT_BYTES = 512 << 10
PROMPT_SECONDS = 0.05
"""So much in so little time is acknowledged without waiting for the beat: the sender learns what
the link carries from its first large tensor, at the price of 20 small messages a second."""


class Pulse:
    """Bytes there and back on one stream, and what follows from them.

    ``received`` and ``sent`` count frames after Hello and Welcome.
    """

    def __init__(self, now: float):
        self.received = self.sent = 0
        self._acknowledged = self._said = self._sent_then = 0
        self._heard_at = self._ticked_at = self._said_at = self._busy_since = now
        self._chunk_at = now
        self._gap = 0.0
        self._deaf_beats = 0
        self._ticks = 0
        self._rate = FIRST_CHUNK_BYTES / CHUNK_SECONDS

    # What comes in ---------------------------------------------------------------------------

    def heard(self, size: int, now: float) -> None:
        """A frame arrived."""
        self.received += size
        self._heard_at = now

    def heard_chunk(self, now: float, *, follows: bool) -> None:
        """A chunk was in it; ``follows``: another one of the same tensor came just before."""
        if follows:
            self._gap += (now - self._chunk_at - self._gap) / 4
        self._chunk_at = now

    def heard_beat(self, received: int, now: float) -> None:
        """The peer says how much of ours has arrived."""
        fresh = min(received, self.sent) - self._acknowledged
        if fresh <= 0:
            said_in_vain = self.sent > self._acknowledged and not self._is_late(now)
            self._deaf_beats = self._deaf_beats + 1 if said_in_vain else 0
            return
        self._deaf_beats = 0
        self._acknowledged += fresh
        self._learn(fresh, max(now - self._busy_since, 1e-6))
        self._busy_since = now
        self._sent_then = self.sent

    def _learn(self, fresh: int, seconds: float) -> None:
        """A rate is believed when it is better than ours, or when the link is seen behind."""
        rate = fresh / seconds
        is_behind = self._sent_then - self._acknowledged >= MIN_CHUNK_BYTES
        if is_behind or (rate > self._rate and fresh >= MIN_CHUNK_BYTES):
            self._rate = rate

    # What goes out ---------------------------------------------------------------------------

    def writes(self, size: int, now: float) -> None:
        """A frame is about to be written."""
        if self.sent == self._acknowledged:
            self._busy_since = now
        self.sent += size

    def greeted(self) -> None:
        """What was written up to now was our Welcome, which the peer does not count."""
        self.sent = 0

    @property
    def chunk_bytes(self) -> int:
        """How large the next chunk is."""
        return min(max(int(self._rate * CHUNK_SECONDS), MIN_CHUNK_BYTES), MAX_CHUNK_BYTES)

    def owes_beat(self, now: float) -> bool:
        """Whether so much has arrived that the peer should know it before the next beat."""
        return self.received - self._said >= PROMPT_BYTES and now - self._said_at >= PROMPT_SECONDS

    def says_beat(self, now: float) -> int:
        """A beat is about to be written: what it says."""
        self._said, self._said_at = self.received, now
        return self.received

    # What follows ----------------------------------------------------------------------------

    def tick(self, now: float) -> bool:
        """To be called every ``TICK_SECONDS``; whether it is time for a beat."""
        if self._is_late(now):
            self._heard_at = now
            self._deaf_beats = 0
        self._ticked_at = now
        self._ticks += 1
        return self._ticks % TICKS_A_BEAT == 0

    def _is_late(self, now: float) -> bool:
        return now - self._ticked_at > TICK_SECONDS + LATE_SECONDS

    def verdict(self, now: float) -> str:
        """Why the peer counts as lost; nothing while it lives."""
        silent = now - self._heard_at
        if silent > SILENCE_SECONDS + _allowance(self._gap):
            return f"silent for {silent:.1f} s"
        deaf = self._deaf_beats * BEAT_SECONDS
        slow = self.chunk_bytes / self._rate
        if deaf >= SILENCE_SECONDS + round(_allowance(slow) / BEAT_SECONDS) * BEAT_SECONDS:
            return f"receives nothing for {deaf:.1f} s"
        return ""


def _allowance(chunk_seconds: float) -> float:
    return min(SLOW_CHUNKS * chunk_seconds, MAX_SLOW_SECONDS)
