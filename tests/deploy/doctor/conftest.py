from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.doctor import setups
from tests.deploy.doctor.setups import Setup


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """A sound set-up."""
    return setups.sound(tmp_path)
