"""The short version of a suite, as a test::

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]

def test_a_short_kill() -> None:
    holds("kill", scale=0.02)
"""

from __future__ import annotations

import sys

import pytest

from tests.faults.__main__ import run_suite
from tests.faults.outcome import table
from tests.faults.suite import Silent


def holds(name: str, scale: float) -> None:
    """Run a suite at a small scale; every row holds and every control was seen failing.

    Only rows that are timed may fail: other tests run at the same time.
    """
    outcome = run_suite(name, scale, Silent())
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    text = table([outcome], scale).text()
    sys.stdout.write(text + "\n")
    assert outcome.rows, text
    assert not outcome.broken, text
    assert all(row.passed or row.is_timed for row in outcome.rows), text
