"""A few of the attacks on a device; its checks alone are tested where they are."""

from __future__ import annotations

import pytest

from tests.faults.hostile_cases import cases
from tests.faults.short import holds

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]


def test_a_few_attacks_are_refused_and_change_nothing() -> None:
    holds("bundles", scale=0.02)


def test_there_are_at_least_200_attacks() -> None:
    assert len(cases()) >= 200
