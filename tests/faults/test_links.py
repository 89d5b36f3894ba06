"""The short version of ``make faults ARGS="--only links"``."""

from __future__ import annotations

import pytest

from tests.faults.short import holds

pytestmark = [
    pytest.mark.faults,
    pytest.mark.processes,
    pytest.mark.netns,
    pytest.mark.xdist_group("faults"),
]


@pytest.mark.timeout(300)
def test_it_holds() -> None:
    holds("links", scale=0.01)
