"""Who is lost and who is only slow, told by a clock that is handed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgechain.transport.pulse import (
    BEAT_SECONDS,
    LEAST_WINDOW_BYTES,
    MAX_CHUNK_BYTES,
    MIN_CHUNK_BYTES,
    SILENCE_SECONDS,
    TICK_SECONDS,
    Pulse,
)

BEAT_BYTES = 9
MBIT = 125_000.0
"""Bytes a second."""

NOTICE_SECONDS = 2.5
"""What is promised on links of 35 Mbit/s and more."""


@dataclass
class Link:
    """Both ends of a stream and a link of so many bytes a second in each direction.

    ``near`` sends tensors whenever it may; ``far`` only listens. Time goes in steps of 5 ms.
    """

    rate: float
    now: float = 1000.0
    open_there: bool = True
    open_back: bool = True
    far_runs: bool = True
    moved: int = 0
    promised: float | None = None
    """When ``far`` will acknowledge without waiting for its beat."""
    near: Pulse = field(init=False)
    far: Pulse = field(init=False)
    there: deque[tuple[int, int]] = field(default_factory=deque)
    """Frames under way: bytes still to be carried, and the beat in it or -1, or -2 for a chunk."""
    back: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.near, self.far = Pulse(self.now), Pulse(self.now)
        self.due = [self.now + side.pause(self.now) for side in (self.near, self.far)]

    def run(self, seconds: float, *, full: bool = True) -> float:
        """Live for so long, or until an end is given up; how long it was."""
        start = self.now
        while self.now < start + seconds and not self.lost:
            self.now += 0.005
            self._beat()
            while full and self.near.has_room:
                self._write(self.near.chunk_bytes, -2)
            self._carry(0.005 * self.rate)
        return self.now - start

    @property
    def lost(self) -> str:
        """What either end that runs says of the other."""
        return self.near.verdict(self.now) or (self.far_runs and self.far.verdict(self.now)) or ""

    def _write(self, size: int, beat: int) -> None:
        self.near.writes(size, self.now)
        self.there.append((size, beat))

    def _beat(self) -> None:
        if self.now >= self.due[0]:
            if self.near.tick(self.now):
                self._write(BEAT_BYTES, self.near.says_beat(self.now))
            self.due[0] = self.now + self.near.pause(self.now)
        if self.far_runs and self.promised is not None and self.now >= self.promised:
            self._answer()
        if self.far_runs and self.now >= self.due[1]:
            if self.far.tick(self.now):
                self._answer()
            self.due[1] = self.now + self.far.pause(self.now)

    def _answer(self) -> None:
        self.promised = None
        self.far.writes(BEAT_BYTES, self.now)
        self.back.append(self.far.says_beat(self.now))

    def _carry(self, budget: float) -> None:
        while self.open_there and self.far_runs and self.there and budget > 0:
            left, beat = self.there.popleft()
            if left > budget:
                self.there.appendleft((left - int(budget) or 1, beat))
                self.moved += int(budget)
                break
            self.moved += left
            budget -= left
            self._arrive(beat)
        while self.open_back and self.back:
            self.near.heard(BEAT_BYTES, self.now)
            self.near.heard_beat(self.back.popleft(), self.now)

    def _arrive(self, beat: int) -> None:
        size = self.near.sent - self.far.received - sum(left for left, _ in self.there)
        self.far.heard(size, self.now)
        if beat >= 0:
            self.far.heard_beat(beat, self.now)
        else:
            self.far.heard_chunk(size, self.now, follows=True)
        after = self.far.owes_beat(self.now)
        if after is not None and self.promised is None:
            self.promised = self.now + after


FEW = settings(max_examples=15)
"""Each is some thousand steps of a link."""

rates = st.floats(0.6 * MBIT, 1000 * MBIT)


@FEW
@given(rates)
def test_a_link_that_is_only_slow_is_never_given_up(rate: float) -> None:
    link = Link(rate)
    link.run(20.0)
    assert link.lost == ""
    assert link.moved > 0.8 * rate * 20.0, "and it is kept full"


@FEW
@given(st.floats(11 * MBIT, 1000 * MBIT), st.booleans(), st.floats(0.6, 6.0))
def test_a_peer_that_stops_is_noticed_in_time(rate: float, full: bool, after: float) -> None:
    """11 Mbit/s is one of three streams' share of 35."""
    link = Link(rate)
    link.run(after, full=full)
    assert link.lost == ""
    link.far_runs = False
    assert link.run(10.0, full=full) <= NOTICE_SECONDS
    assert link.lost


@FEW
@given(st.floats(11 * MBIT, 1000 * MBIT), st.booleans(), st.booleans(), st.floats(0.6, 6.0))
def test_a_network_that_is_cut_is_noticed_in_time_one_way_too(
    rate: float, full: bool, back: bool, after: float
) -> None:
    link = Link(rate)
    link.run(after, full=full)
    link.open_there, link.open_back = False, back
    assert link.run(10.0, full=full) <= NOTICE_SECONDS


def test_who_hears_of_a_peer_that_receives_nothing_gives_it_up_too() -> None:
    """Where the deaf side's goodbye does not get through."""
    pulse, now = Pulse(0.0), 0.0
    pulse.writes(MIN_CHUNK_BYTES, now)
    while not pulse.verdict(now):
        now += BEAT_SECONDS
        pulse.tick(now)
        pulse.heard(BEAT_BYTES, now)
        pulse.heard_beat(0, now)
    assert now <= SILENCE_SECONDS + BEAT_SECONDS
    assert pulse.verdict(now).startswith("receives nothing for")
    pulse.heard_beat(1, now)
    assert pulse.verdict(now) == "", "a single byte is a sign of life"


def test_who_has_nothing_to_receive_is_not_deaf() -> None:
    pulse, now = Pulse(0.0), 0.0
    pulse.writes(MIN_CHUNK_BYTES, now)
    for _ in range(100):
        now += BEAT_SECONDS
        pulse.tick(now)
        pulse.heard(BEAT_BYTES, now)
        pulse.heard_beat(MIN_CHUNK_BYTES, now)
        assert pulse.verdict(now) == ""


@given(st.floats(1.3, 1e6))
def test_who_was_stopped_itself_judges_nobody(away: float) -> None:
    pulse = Pulse(0.0)
    pulse.writes(100, 0.0)
    now = TICK_SECONDS + away
    for _ in range(20):  # what the peer has said in the meantime
        pulse.heard_beat(0, now)
    pulse.tick(now)
    assert pulse.verdict(now) == ""
    later = now + SILENCE_SECONDS + 0.1
    while now < later:
        now += pulse.pause(now)
        pulse.tick(now)
    assert pulse.verdict(now) != "", "the grace is no longer than the usual one"


@given(st.lists(st.tuples(st.integers(-(2**70), 2**70), st.floats(0.0, 3.0)), max_size=30))
def test_nonsense_in_beats_does_no_harm(beats: list[tuple[int, float]]) -> None:
    pulse, now = Pulse(0.0), 0.0
    for received, later in beats:
        now += later
        pulse.writes(5 * MIN_CHUNK_BYTES, now)
        pulse.heard_beat(received, now)
        assert MIN_CHUNK_BYTES <= pulse.chunk_bytes <= MAX_CHUNK_BYTES


def test_chunks_follow_the_link() -> None:
    sizes = {}
    for mbit in (5, 35, 100, 1000):
        link = Link(mbit * MBIT)
        link.run(5.0)
        sizes[mbit] = link.near.chunk_bytes
    assert sizes[5] < 64 << 10 < sizes[35] < sizes[100] <= sizes[1000] == MAX_CHUNK_BYTES


@pytest.mark.parametrize("mbit", [2, 5, 35])
def test_control_waits_no_longer_than_the_window(mbit: int) -> None:
    link = Link(mbit * MBIT)
    link.run(5.0)
    waiting = sum(left for left, _ in link.there)
    assert waiting <= max(LEAST_WINDOW_BYTES, 0.6 * mbit * MBIT) + link.near.chunk_bytes
