"""Counts that add up, and percentiles as defined."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.client.account import LONGEST, SHORTEST, Account, Ledger
from edgechain.errors import DeadlineExceeded, Unavailable

ends = st.sampled_from(["answered", "dropped", "late", "unavailable"])
latencies = st.floats(SHORTEST, LONGEST)


def end(ledger: Ledger, how: str, now: float, latency: float = 0.01) -> None:
    match how:
        case "answered":
            ledger.answered(now, latency)
        case "dropped":
            ledger.dropped(now)
        case "late":
            ledger.failed(now, DeadlineExceeded("late"))
        case _:
            ledger.failed(now, Unavailable("neck", "gone"))


@given(st.lists(ends), st.integers(0, 5))
def test_every_frame_is_counted_once(how: list[str], open_frames: int) -> None:
    ledger = Ledger()
    for _ in range(len(how) + open_frames):
        ledger.sent(0.0)
    for one in how:
        end(ledger, one, 1.0)
    account = ledger.account()
    assert account.sent == account.answered + account.dropped + account.failed + account.under_way
    assert account.under_way == open_frames
    assert account.failed == sum(count for _, count in account.errors)
    assert dict(account.errors).get("DeadlineExceeded", 0) == how.count("late")
    assert (account.answered, account.dropped) == (how.count("answered"), how.count("dropped"))


@given(st.lists(latencies, min_size=1), st.sampled_from([50, 99]))
def test_percentiles_are_the_nearest_rank(values: list[float], percent: int) -> None:
    ledger = Ledger()
    for value in values:
        ledger.sent(0.0)
        ledger.answered(0.0, value)
    account = ledger.account()
    exact = sorted(values)[math.ceil(percent / 100 * len(values)) - 1]
    assert (account.p50 if percent == 50 else account.p99) == pytest.approx(exact, rel=0.005)


def test_memory_is_bounded() -> None:
    ledger = Ledger()
    for step in range(30_000):
        ledger.sent(0.0)
        ledger.answered(0.0, step * 1e-6)
    assert len(ledger._latencies) <= 900 * 12


def test_a_latency_outside_counts_as_the_nearest() -> None:
    ledger = Ledger()
    for latency in (-1.0, 0.0, 1e12):
        ledger.sent(0.0)
        ledger.answered(0.0, latency)
    assert (ledger.account().p50, ledger.account().p99) == (SHORTEST, LONGEST)


def test_ending_twice_is_a_bug() -> None:
    ledger = Ledger()
    ledger.sent(0.0)
    ledger.dropped(1.0)
    with pytest.raises(ValueError, match="ended twice"):
        ledger.answered(2.0, 1.0)


def test_the_rate_is_of_answers_from_first_to_last() -> None:
    ledger = Ledger()
    for at in range(4):
        ledger.sent(10.0 + at)
    for at in range(3):
        ledger.answered(11.0 + at, 1.0)
    assert ledger.account().seconds == 3.0
    assert ledger.account(16.0).seconds == 6.0
    ledger.dropped(20.0)
    assert ledger.account(99.0).seconds == 10.0
    assert ledger.account(99.0).fps == 0.3


def test_an_empty_run() -> None:
    account = Ledger().account(5.0)
    assert account == Account(0, 0, 0, 0, (), 0.0, None, None)
    assert str(account) == "0 sent, 0 answered, 0 dropped, 0 failed"
    assert account.as_json() == {
        "sent": 0, "answered": 0, "dropped": 0, "failed": 0,
        "fps": 0.0, "p50_ms": None, "p99_ms": None,
    }  # fmt: skip


def test_the_closing_line() -> None:
    ledger = Ledger()
    for how in ("answered", "answered", "late", "unavailable", "late"):
        ledger.sent(0.0)
        end(ledger, how, 2.0, 0.0412)
    assert str(ledger.account()) == (
        "5 sent, 2 answered, 0 dropped, 3 failed (2 DeadlineExceeded, 1 Unavailable); "
        "1.0 frames/s, p50 41.2 ms, p99 41.2 ms"
    )
    assert ledger.account().as_json()["errors"] == {"DeadlineExceeded": 2, "Unavailable": 1}
