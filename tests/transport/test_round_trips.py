"""Round trips from acknowledgements: never below the truth, and true once one came at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.transport.pulse import PROMPT_BYTES, Pulse
from edgechain.transport.round_trips import FRAMES_KEPT, TIMES_KEPT, RoundTrips

WAY = 0.004
"""Seconds in one direction."""


@given(st.lists(st.tuples(st.floats(0.001, 1.0), st.floats(0.0, 0.5)), min_size=1, max_size=90))
def test_it_is_the_way_there_and_back_and_the_shortest_wait(
    frames: list[tuple[float, float]],
) -> None:
    """Frame after frame, each acknowledged after a wait of the peer's own."""
    trips, now, waits = RoundTrips(), 0.0, []
    for number, (pause, wait) in enumerate(frames, 1):
        now += pause
        trips.wrote(number, now)
        now += 2 * WAY + wait
        trips.arrived(number, now, at_once=True)
        waits.append(wait)
    assert trips.smallest is not None
    assert abs(trips.smallest - 2 * WAY - min(waits[-TIMES_KEPT:])) < 1e-9


@given(st.lists(st.floats(0.0, 0.1), min_size=1, max_size=300), st.data())
def test_of_several_frames_the_last_one_that_arrived_is_timed(
    pauses: list[float], data: st.DataObject
) -> None:
    trips, now, written = RoundTrips(), 0.0, []
    for number, pause in enumerate(pauses, 1):
        now += pause
        written.append(now)
        trips.wrote(10 * number, now)
    arrived = data.draw(st.integers(0, 10 * len(pauses)))
    trips.arrived(arrived, now + 1.0, at_once=True)
    whole = arrived // 10
    if whole > len(pauses) - FRAMES_KEPT and whole:
        assert trips.smallest == now + 1.0 - written[whole - 1]
    else:
        assert trips.smallest is None, "part of a frame, or one that is forgotten, tells nothing"


def sent(pulse: Pulse, size: int, now: float) -> float | None:
    """The round trip after a frame and its acknowledgement."""
    pulse.writes(size, now)
    pulse.heard_beat(pulse.sent, now + 2 * WAY)
    return pulse.round_trip


def test_a_beat_that_had_to_wait_is_no_time() -> None:
    pulse = Pulse(0.0)
    assert sent(pulse, PROMPT_BYTES - 1, 1.0) is None
    assert sent(pulse, PROMPT_BYTES, 2.0) == pytest.approx(2 * WAY)


def test_a_welcome_is_not_acknowledged() -> None:
    pulse = Pulse(0.0)
    pulse.writes(100, 0.0)
    pulse.greeted()
    assert sent(pulse, PROMPT_BYTES, 9.0) == pytest.approx(2 * WAY)
