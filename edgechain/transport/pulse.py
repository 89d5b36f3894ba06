"""Whether a peer lives, and what its link carries: judged by progress, not by hope. Pure.

Both sides say ``Beat`` twice a second and in it how much they have received. A stream is lost
when nothing arrives for ``SILENCE_SECONDS``, or when the peer says as long that nothing of ours
arrives. A link that is known to be slow is given more. The clock is handed in.
"""

from __future__ import annotations

from edgechain.transport.round_trips import RoundTrips

BEAT_SECONDS = 0.5
TICK_SECONDS = 0.25

SILENCE_SECONDS = 1.9
"""Almost four beats. A peer that is gone has to be noticed within 2.5 s on 35 Mbit/s: what is
under way goes on arriving for ``WINDOW_SECONDS``, and our next beat may be half a second away."""

SLOW_BYTES = 384 << 10
LEAST_SLOW_SECONDS, MAX_SLOW_SECONDS = 0.6, 3.0
"""What a slow link is given on top: the time it takes for so much, 1.9 s for one of three streams
on 5 Mbit/s, where TCP may be silent for that long after it has lost the same packet twice. Who has
0.6 MB/s is given nothing (one of three on 35 Mbit/s has twice that), nobody more than 128 KiB/s."""

LATE_SECONDS = 1.0
"""A tick that comes so late says that we were stopped, and nothing about the peer."""

MIN_CHUNK_BYTES = 16 << 10
"""Also the first on every stream: 256 KiB do not get past two other streams within two seconds on
a link of 5 Mbit/s."""

MAX_CHUNK_BYTES = 1 << 20
"""Fastest of 64 KiB to 3.9 MB on a stream (DESIGN.md, section 5), and below gRPC's 4 MB guard."""

CHUNK_SECONDS = 0.05
"""What a chunk may take on its link: so long does control wait behind one."""

WINDOW_SECONDS = 0.2
LEAST_WINDOW_BYTES = 2 * MIN_CHUNK_BYTES
"""What may be under way: so much time on the link, and a little more, which lets streams that share
a link come to equal shares. Without a bound gRPC takes 1 to 4 MB: on a slow link beats, cancels and
gRPC's own pings then come many seconds late, and the link passes for dead. A round trip over a good
link is shorter, so that it is not held up."""

PROMPT_BYTES = MIN_CHUNK_BYTES
PROMPT_SECONDS = 0.05
FAST_START_BYTES = 8 << 20
"""Tensors are acknowledged without waiting for the next beat: at most so often, and on a new stream
whenever twice as much has come as at the last beat. The sender learns what the link carries from
its first large tensor, at the price of 20 small messages a second."""

LEARN_SECONDS = 0.25
"""Over how long a rate is taken; what was written before that and has not arrived says that the
link is slower than its sender. Over shorter times acknowledgements come late and then together."""


class Pulse:
    """Bytes there and back on one stream, and what follows from them.

    ``received`` and ``sent`` count frames after Hello and Welcome.
    """

    def __init__(self, now: float):
        self.received = self.sent = 0
        self._acknowledged = self._said = 0
        self._sent_then = self._acknowledged_then = 0
        self._heard_at = self._ticked_at = self._said_at = self._marked_at = now
        self._chunk_at = now
        self._pace = 0.0
        self._was_behind = False
        self._advanced_at = now
        self._beat_at = now + BEAT_SECONDS
        self._rate = MIN_CHUNK_BYTES / CHUNK_SECONDS
        self._round_trips = RoundTrips()

    # What comes in ---------------------------------------------------------------------------

    def heard(self, size: int, now: float) -> None:
        """A frame arrived."""
        self.received += size
        self._heard_at = now

    def heard_chunk(self, size: int, now: float, *, follows: bool) -> None:
        """A chunk was in it; ``follows``: another one of the same tensor came just before."""
        if follows and size:
            self._pace += ((now - self._chunk_at) / size - self._pace) / 4
        self._chunk_at = now

    def heard_beat(self, received: int, now: float) -> None:
        """The peer says how much of ours has arrived."""
        fresh = min(received, self.sent) - self._acknowledged
        if fresh > 0:
            self._advanced_at = now
            self._acknowledged += fresh
            self._round_trips.arrived(self._acknowledged, now, at_once=fresh >= PROMPT_BYTES)
            self._learn(now)

    def _learn(self, now: float) -> None:
        """Follow what the peer acknowledges, while it shows what the link carries.

        That is when the link is seen behind, or better than we thought; by steps of two. Steps
        upwards are taken at once while it was never behind, and when everything has arrived.
        """
        seconds = now - self._marked_at
        if seconds < LEARN_SECONDS and self._was_behind and self.sent > self._acknowledged:
            return
        fresh = self._acknowledged - self._acknowledged_then
        rate = fresh / max(seconds, 1e-6)
        is_behind = (
            seconds >= LEARN_SECONDS and self._sent_then - self._acknowledged >= MIN_CHUNK_BYTES
        )
        self._was_behind |= is_behind
        if is_behind or (rate > self._rate and fresh >= MIN_CHUNK_BYTES):
            self._rate = min(max(rate, self._rate / 2), self._rate * 2)
        if seconds >= LEARN_SECONDS:
            self._mark(now)

    def _mark(self, now: float) -> None:
        """From here on the next rate is taken."""
        self._marked_at = now
        self._sent_then, self._acknowledged_then = self.sent, self._acknowledged

    @property
    def acknowledged(self) -> int:
        """How many of the bytes that we sent have arrived, as the peer says."""
        return self._acknowledged

    @property
    def round_trip(self) -> float | None:
        """Seconds there and back, as small as it was of late, with a frame of tensors in it.

        Where the link is kept full it is longer by what is under way. Nothing before the first
        tensors of ``PROMPT_BYTES``: smaller ones are acknowledged with the next beat.
        """
        return self._round_trips.smallest

    # What goes out ---------------------------------------------------------------------------

    def writes(self, size: int, now: float) -> None:
        """A frame is about to be written."""
        if self.sent == self._acknowledged:
            self._mark(now)
            self._advanced_at = now
        self.sent += size
        self._round_trips.wrote(self.sent, now)

    def greeted(self) -> None:
        """What was written up to now was our Welcome, which the peer does not count."""
        self.sent = 0
        self._round_trips.forget()

    @property
    def chunk_bytes(self) -> int:
        """How large the next chunk is."""
        return min(max(int(self._rate * CHUNK_SECONDS), MIN_CHUNK_BYTES), MAX_CHUNK_BYTES)

    @property
    def has_room(self) -> bool:
        """Whether another chunk may be under way."""
        window = min(int(self._rate * WINDOW_SECONDS), self._acknowledged)
        return self.sent - self._acknowledged < window + LEAST_WINDOW_BYTES

    def owes_beat(self, now: float) -> float | None:
        """In how many seconds the peer should hear what has arrived, if not with the next beat."""
        fresh = self.received - self._said
        if fresh < PROMPT_BYTES:
            return None
        if self._said <= fresh and self.received < FAST_START_BYTES:
            return 0.0
        return max(self._said_at + PROMPT_SECONDS - now, 0.0)

    def says_beat(self, now: float) -> int:
        """A beat is about to be written: what it says."""
        self._said, self._said_at = self.received, now
        return self.received

    # What follows ----------------------------------------------------------------------------

    def pause(self, now: float) -> float:
        """Seconds until ``tick`` is to be called."""
        due = min(self._beat_at, self._heard_at + self._most_silence)
        if self.sent > self._acknowledged:
            due = min(due, self._advanced_at + self._most_silence)
        return min(max(due - now, 0.0) + 0.001, TICK_SECONDS)

    def tick(self, now: float) -> bool:
        """To be called after every ``pause``; whether it is time for a beat."""
        if self._is_late(now):
            self._heard_at = self._advanced_at = now
        self._ticked_at = now
        if now < self._beat_at:
            return False
        self._beat_at = now + BEAT_SECONDS
        return True

    def _is_late(self, now: float) -> bool:
        return now - self._ticked_at > TICK_SECONDS + LATE_SECONDS

    def verdict(self, now: float) -> str:
        """Why the peer counts as lost; nothing while it lives, or while we are late ourselves."""
        if self._is_late(now):
            return ""
        silent = now - self._heard_at
        if silent > self._most_silence:
            return f"silent for {silent:.1f} s"
        deaf = now - self._advanced_at if self.sent > self._acknowledged else 0.0
        if deaf > self._most_silence:
            return f"receives nothing for {deaf:.1f} s"
        return ""

    @property
    def _most_silence(self) -> float:
        """Which way it is slow does not matter: what is said and its answer go both ways."""
        out = _allowance(1 / self._rate) if self._was_behind else 0.0
        return SILENCE_SECONDS + max(out, _allowance(self._pace))


def _allowance(seconds_a_byte: float) -> float:
    seconds = SLOW_BYTES * seconds_a_byte
    return min(seconds, MAX_SLOW_SECONDS) if seconds > LEAST_SLOW_SECONDS else 0.0
