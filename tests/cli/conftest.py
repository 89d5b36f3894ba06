"""Commands, called as people and scripts call them: in this process, or in one of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.cli.app import run
from tests.cli.answers import Answer, Call
from tests.commands import Edgechain


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """Run a command in this process: quick, and seen by coverage and debuggers."""

    def answer(*words: object) -> Answer:
        status = run([str(word) for word in words])
        return Answer(status, *capfd.readouterr())

    return answer


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    """The command line in a folder of this test's own, of somebody without an identity."""
    return Edgechain(tmp_path, state_dir, {"EDGECHAIN_IDENTITY": ""})
