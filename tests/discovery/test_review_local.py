"""A claim passes on what goes wrong while it is held, and another waits for nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.discovery.local import claim
from edgechain.errors import ChainAlreadyRunning


def test_what_goes_wrong_under_a_claim_is_passed_on(state_dir: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python"), claim("demo"):
        raise FileNotFoundError("no python here")
    with claim("demo"), pytest.raises(ChainAlreadyRunning), claim("demo"):
        pass
    assert list(state_dir.glob("*.lock")) == []
