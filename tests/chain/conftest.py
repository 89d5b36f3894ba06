"""Chains on disk, written before a test's loop runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain import chains
from tests.chain.gates import HeldGate, gate


@pytest.fixture
def five(tmp_path: Path) -> Path:
    """The chain of five stages with a fork and a join."""
    return chains.write(tmp_path / "five", chains.five_stages())


@pytest.fixture
def moody(tmp_path: Path) -> Path:
    """Three stages; the middle one dislikes 13, 14, 15 and 16, each in its own way."""
    middle = chains.actor("mood", "Moody", "a", "b", raises=13, exits=14, kills=15, widens=16)
    stages = (
        chains.actor("first", "Affine", "x", "a"),
        middle,
        chains.actor("last", "Affine", "b", "y", factor=2),
    )
    return chains.write(tmp_path / "moody", chains.connected("moody", *stages))


@pytest.fixture
def held_gate(tmp_path: Path) -> Iterator[HeldGate]:
    """The test's side of the gate in ``gated``."""
    with gate(tmp_path) as held:
        yield held


@pytest.fixture
def gated(tmp_path: Path, held_gate: HeldGate) -> Path:
    """Two stages; the second one holds back what equals ``gates.STOPS_AT``."""
    stages = (
        chains.actor("first", "Affine", "x", "a"),
        held_gate.stage("gate", "a", "y"),
    )
    return chains.write(tmp_path / "gated", chains.connected("gated", *stages))
