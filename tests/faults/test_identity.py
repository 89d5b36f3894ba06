"""The short version of ``make faults ARGS="--only identity"``, and of ``clock``."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]


@pytest.mark.timeout(300)
def test_it_holds() -> None:
    holds("identity", scale=0.05)


@pytest.mark.timeout(300)
def test_clocks_may_jump() -> None:
    holds("clock", scale=0.2)
