"""Many alarms on one timer ring as timers of their own would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgechain.client.alarms import TIDY_ABOVE, Alarm, Alarms
from edgechain.runtime.clock import ManualClock
from tests.client.doubles import ManualTimers

STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "cancel", "wait"]), st.integers(0, 20)), max_size=60
)


class Bench:
    """Alarms, the loop's timers below them, and what rang when."""

    def __init__(self) -> None:
        self.clock = ManualClock(7.0)
        self.timers = ManualTimers(self.clock)
        self.alarms = Alarms(self.timers, self.clock)
        self.rang: list[tuple[float, int]] = []

    def set(self, seconds: float, name: int) -> Alarm:
        return self.alarms.call_later(seconds, self.ring, name)

    def ring(self, name: int) -> None:
        self.rang.append((self.clock.now(), name))


@given(STEPS)
def test_they_ring_as_timers_do(steps: list[tuple[str, int]]) -> None:
    ours, theirs = Bench(), Bench()
    alarms = [(ours.set(1.0, -1), theirs.timers.call_later(1.0, theirs.ring, -1))]
    for name, (what, number) in enumerate(steps):
        if what == "set":
            seconds = number / 4
            alarms.append(
                (ours.set(seconds, name), theirs.timers.call_later(seconds, theirs.ring, name))
            )
        elif what == "cancel":
            for alarm in alarms[number % len(alarms)]:
                alarm.cancel()
        else:
            ours.timers.advance(number / 3)
            theirs.timers.advance(number / 3)
        assert sorted(ours.rang) == sorted(theirs.rang)
        assert ours.timers.waiting == (theirs.timers.waiting > 0), "one timer, and only if needed"


def test_what_is_cancelled_does_not_pile_up() -> None:
    bench = Bench()
    last = bench.set(1000.0, 0)
    for _ in range(20 * TIDY_ABOVE):
        bench.set(10.0, 1).cancel()
        assert len(bench.alarms) <= TIDY_ABOVE + 2
    last.cancel()
    assert (len(bench.alarms), bench.timers.waiting) == (0, 0)


def test_an_alarm_that_sets_another_one_and_cancels_a_third() -> None:
    bench = Bench()
    third = bench.set(1.0, 3)

    def ring() -> None:
        bench.set(0.0, 2)
        third.cancel()

    bench.alarms.call_later(1.0, ring)
    bench.alarms.call_later(0.5, third.cancel)
    bench.timers.advance(1.0)
    assert bench.rang == [(8.0, 2)]
    assert bench.timers.waiting == 0
