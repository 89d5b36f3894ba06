"""The short version of ``make faults ARGS="--only swap"``."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]


def test_it_holds() -> None:
    holds("swap", scale=0.02)
