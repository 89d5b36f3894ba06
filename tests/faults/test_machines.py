"""The state machines, a few histories of each; every broken class is seen."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = pytest.mark.faults


def test_invented_histories_hold() -> None:
    holds("machines", scale=0.03)
