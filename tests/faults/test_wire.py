"""Some thousand inputs to everything that takes bytes, and some garbage at a real port."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import run_suite
from tests.faults.fuzz.ways import find_atheris
from tests.faults.outcome import table
from tests.faults.suite import Silent
from tests.faults.suites.wire import NO_ATHERIS

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]

SCALE = 0.004


def test_a_short_fuzz() -> None:
    """Atheris is in an extra of its own: its row may say that it is not there, then and only then.

    All others hold, and each decoder that is broken on purpose is seen.
    """
    outcome = run_suite("wire", SCALE, Silent())
    shown = table([outcome], SCALE).text()
    assert not outcome.broken, shown
    absent = [row for row in outcome.rows if row.measured == NO_ATHERIS]
    assert len(absent) == (find_atheris() is None), shown
    assert all(row.passed for row in outcome.rows if row not in absent), shown
