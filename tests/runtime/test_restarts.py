"""How often workers are replaced at once, when the stage rests, and when its node gives up."""

from __future__ import annotations

import pytest

from edgechain.runtime.restarts import (
    LOAD_PAUSE_SECONDS,
    LOADS_TRIED,
    LONGEST_REST_SECONDS,
    LOST_AT_ONCE,
    REST_SECONDS,
    Restarts,
)

NOW = 100.0


def rests_after(restarts: Restarts, losses: int) -> list[float]:
    found = []
    for _ in range(losses):
        restarts.lost(NOW)
        found.append(restarts.rest(NOW))
    return found


def test_the_first_are_replaced_at_once_and_then_rests_double() -> None:
    found = rests_after(Restarts(), LOST_AT_ONCE + 9)
    assert found[:LOST_AT_ONCE] == [0] * LOST_AT_ONCE
    assert found[LOST_AT_ONCE:] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert max(found) == LONGEST_REST_SECONDS


def test_losses_without_end_do_not_overflow() -> None:
    assert rests_after(Restarts(), 5000)[-1] == LONGEST_REST_SECONDS


def test_a_rest_ends_by_itself() -> None:
    restarts = Restarts()
    rests_after(restarts, LOST_AT_ONCE + 1)
    assert restarts.rest(NOW + REST_SECONDS / 2) == REST_SECONDS / 2
    assert restarts.rest(NOW + REST_SECONDS) == 0


def test_a_good_run_forgives_everything() -> None:
    restarts = Restarts()
    rests_after(restarts, LOST_AT_ONCE + 4)
    restarts.ran()
    later = NOW + LONGEST_REST_SECONDS
    for _ in range(LOST_AT_ONCE):
        restarts.lost(later)
        assert restarts.rest(later) == 0
    restarts.lost(later)
    assert restarts.rest(later) == REST_SECONDS
    assert restarts.lost_ever == 2 * LOST_AT_ONCE + 5


def test_good_runs_between_losses_never_rest() -> None:
    restarts = Restarts()
    for _ in range(10 * LOST_AT_ONCE):
        assert rests_after(restarts, 1) == [0]
        restarts.ran()


def test_what_cannot_be_loaded_is_tried_a_few_times() -> None:
    restarts, pauses = Restarts(), []
    for _ in range(LOADS_TRIED - 1):
        assert restarts.unloadable(NOW)
        pauses.append(restarts.rest(NOW))
    assert pauses == pytest.approx([LOAD_PAUSE_SECONDS * 2**n for n in range(LOADS_TRIED - 1)])
    assert not restarts.unloadable(NOW)


def test_one_that_loads_starts_the_count_anew() -> None:
    restarts = Restarts()
    for _ in range(3):
        for _ in range(LOADS_TRIED - 1):
            assert restarts.unloadable(NOW)
        restarts.loaded()
