"""A few damaged models given to a daemon, and to a node that serves."""

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
def test_a_few_damaged_models_end_no_daemon() -> None:
    holds("models", scale=0.01)
