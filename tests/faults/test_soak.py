"""The short version of ``make faults ARGS="--only soak"``."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]


@pytest.mark.timeout(300)
def test_it_holds() -> None:
    holds("soak", scale=0.01)
