"""When a node is left alone, and for how long."""

from __future__ import annotations

import pytest

from edgechain.client.health import ENOUGH, LONGEST_REST_SECONDS, Health


def failed(health: Health, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        health.failed(now)


def test_three_failures_in_a_row() -> None:
    health = Health()
    failed(health, 2)
    health.succeeded()
    failed(health, 2)
    assert not health.is_ejected(0.0)
    failed(health, 1)
    assert health.is_ejected(0.99)
    assert not health.is_ejected(1.0)


def test_failures_of_one_bad_moment_are_one_rest() -> None:
    health = Health()
    failed(health, 20)
    assert not health.is_ejected(1.0)


def test_each_further_rest_is_twice_as_long_up_to_a_bound() -> None:
    health, now, rests = Health(), 0.0, list[float]()
    failed(health, 2)
    for _ in range(8):
        health.failed(now)
        rest = next(s for s in (1, 2, 4, 8, 16, 30, 60) if not health.is_ejected(now + s))
        rests.append(rest)
        now += rest
    assert rests == [1, 2, 4, 8, 16, 30, 30, LONGEST_REST_SECONDS]


def test_sixteen_answers_and_the_past_is_forgotten() -> None:
    health = Health()
    failed(health, 3)
    failed(health, 1, now=1.0)
    for _ in range(16):
        health.succeeded()
    failed(health, 3, now=10.0)
    assert not health.is_ejected(11.0)


def test_the_time_it_holds_slots_is_known_after_some() -> None:
    health = Health()
    for _ in range(ENOUGH - 1):
        health.held(1.0)
    assert health.hold is None
    health.held(9.0)
    assert health.hold == pytest.approx((ENOUGH - 1 + 9.0) / ENOUGH)
    for _ in range(16):
        health.held(0.5)
    assert health.hold == 0.5, "only the last ones count"
