"""When a run counts as hung: never while somebody waits, never because we stood still."""

from __future__ import annotations

import pytest

from edgechain.runtime.patience import (
    LEAST_SECONDS,
    LONGEST_GAP_SECONDS,
    NEVER_RAN_SECONDS,
    RUNS_KEPT,
    TIMES_LONGEST,
    RunTimes,
    RunWatch,
)

TICK = 0.25


def hung_after(patience: float, *, awaited_until: float = 0.0, tick: float = TICK) -> float:
    """Seconds after which a run that never ends is given up."""
    watch, now = RunWatch(patience, 0.0), 0.0
    while not watch.is_hung(now, awaited=now < awaited_until):
        now += tick
        assert now < 1000, "it is never given up"
    return now


def test_patience_follows_the_longest_good_run() -> None:
    times = RunTimes()
    assert times.patience == NEVER_RAN_SECONDS
    times.add(0.001)
    assert times.patience == LEAST_SECONDS
    times.add(0.5)
    times.add(0.1)
    assert times.patience == TIMES_LONGEST * 0.5
    for _ in range(RUNS_KEPT):
        times.add(0.1)
    assert times.patience == TIMES_LONGEST * 0.1


def test_mean_and_longest() -> None:
    times = RunTimes()
    assert (times.mean, times.longest) == (0, 0)
    for seconds in (1.0, 3.0):
        times.add(seconds)
    assert (times.mean, times.longest) == (2, 3)


def test_a_run_nobody_waits_for_has_its_patience() -> None:
    assert hung_after(2.0) == 2.0 + TICK


def test_a_run_somebody_waits_for_is_not_given_up() -> None:
    assert hung_after(2.0, awaited_until=9.0) == 9.0


@pytest.mark.parametrize("stood_still", [2.0, 60.0, 3e7])
def test_time_in_which_nobody_looked_does_not_count(stood_still: float) -> None:
    watch = RunWatch(2.0, 0.0)
    assert not watch.is_hung(stood_still, awaited=False)
    assert watch.is_hung(stood_still + LONGEST_GAP_SECONDS + 0.1, awaited=False) is False
    assert watch.is_hung(stood_still + LONGEST_GAP_SECONDS + 0.2, awaited=False)
