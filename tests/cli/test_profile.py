"""``edgechain profile`` as people and scripts call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.plan.files import read_profile
from tests.commands import Edgechain
from tests.model.made import row

pytestmark = pytest.mark.once

SHORT = ("--threads", "1", "--seconds", "0.05")
OPERATORS = 6


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    (tmp_path / "row.tflite").write_bytes(row(OPERATORS).content())
    return Edgechain(tmp_path, state_dir)


@pytest.mark.processes
def test_a_profile_is_written_and_printed(edgechain: Edgechain) -> None:
    words = ("profile", "row.tflite", "--no-node", "--device", "pi-a", "-o", "pi-a.yaml")
    said = edgechain(*words, *SHORT, "--json")
    found = read_profile(edgechain.folder / "pi-a.yaml")
    assert said.json() == found.model_dump(mode="json")
    assert (found.device, found.model.file, found.threads) == ("pi-a", "row.tflite", 1)
    assert len(found.operator_ms) == OPERATORS
    assert min(found.operator_ms) > 0
    assert (found.send_ms_per_mb, found.receive_ms_per_mb) == (0.0, 0.0)
    assert found.loopback is None, "no node was asked"
    assert found.packing is not None
    assert len(found.packing.shares) == OPERATORS - 1, "all that can lie between two stages"
    assert found.packing.pack_ms_per_mb > 0


@pytest.mark.processes
def test_what_a_node_costs_is_measured_with_nodes_and_nothing_is_left(
    edgechain: Edgechain,
) -> None:
    said = edgechain("profile", "row.tflite", "-o", "here.yaml", *SHORT)
    found = read_profile(edgechain.folder / "here.yaml")
    assert found.stage_ms > 0.05, "no node serves a request within 50 microseconds"
    assert f"{found.stage_ms:.3f} ms for every stage" in said.out
    loopback = found.loopback
    assert loopback is not None
    assert min(loopback.message_ms, loopback.send_ms_per_mb, loopback.receive_ms_per_mb) > 0
    assert f"of that a link within the device has {loopback.message_ms:.3f} ms" in said.out
    assert "The slowest operators" in said.out
    assert "packed, tensors between stages come to " in said.out
    assert not list(edgechain.state.rglob("*.json")), "no record of a chain is left"
    assert not list(edgechain.state.rglob("*.yaml"))


@pytest.mark.processes
def test_with_more_threads_one_thread_says_how_time_is_stretched(edgechain: Edgechain) -> None:
    said = edgechain("profile", "row.tflite", "--threads", "2", "--seconds", "0.05", "--json")
    assert said.json()["threads"] == 2
    assert said.json()["stage_ms"] > 0
