"""A few power cuts while a device is flashed."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [
    pytest.mark.faults,
    pytest.mark.ext4,
    pytest.mark.processes,
    pytest.mark.xdist_group("faults"),
]


def test_after_a_few_power_cuts_a_device_runs_the_old_or_the_new() -> None:
    holds("power", scale=0.01)
