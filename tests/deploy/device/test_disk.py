"""A few calls to a device's disk fail, and it is full."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [
    pytest.mark.faults,
    pytest.mark.ext4,
    pytest.mark.processes,
    pytest.mark.xdist_group("faults"),
]


def test_where_a_few_calls_fail_what_ran_before_runs_on() -> None:
    holds("disk", scale=0.02)
