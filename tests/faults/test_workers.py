"""A few workers killed, stopped and hung in each way."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [
    pytest.mark.faults,
    pytest.mark.models,
    pytest.mark.processes,
    pytest.mark.xdist_group("faults"),
]


@pytest.mark.timeout(300)
def test_a_few_broken_workers_are_replaced() -> None:
    holds("workers", scale=0.04)
