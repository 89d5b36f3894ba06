"""A whole chain's life at its most talkative: no key is in anything that anybody can read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgechain.client.archives import read_npz
from tests.chain import chains
from tests.commands import Edgechain

pytestmark = [pytest.mark.processes, pytest.mark.once]


def canaries(folder: Path) -> list[str]:
    """The middle line of every key below a folder."""
    keys = list(folder.rglob("*.key"))
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in keys)
    return [path.read_text().splitlines()[2] for path in keys]


def readable(folder: Path) -> dict[str, str]:
    """Every other file below it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".key"]
    return {str(path): path.read_text(errors="replace") for path in files}


@pytest.fixture
def five(tmp_path: Path) -> Path:
    np.savez(tmp_path / "in.npz", x=chains.question(1))
    return chains.write(tmp_path / "five", chains.five_stages())


def test_no_key_is_ever_said(tmp_path: Path, five: Path, state_dir: Path) -> None:
    edgechain = Edgechain(tmp_path, state_dir, {"GRPC_VERBOSITY": "DEBUG"})
    said = [edgechain("init", "ours", "pi-a", "--client", "laptop")]
    said.append(edgechain("up", five, "--name", "five", "--detach"))
    try:
        running = readable(state_dir)
        secrets = canaries(state_dir) + canaries(tmp_path)
        said.append(edgechain("status", "--listen", "0", "--json"))
        asked = ("infer", "five", "--input", "in.npz", "-o", "out.npz", "--json")
        said.append(edgechain(*asked))
        stranger = ("--identity", "ours/identities/laptop")
        said.append(edgechain(*asked, *stranger, status=1))
        quiet = Edgechain(tmp_path, state_dir)(*asked, *stranger, status=1)
        running |= readable(state_dir)
    finally:
        said.append(edgechain("down", "five"))
    assert len(secrets) == 7 + 3  # with the authority that `up` keeps for nodes that come later
    np.testing.assert_array_equal(
        read_npz(tmp_path / "out.npz")["y"], chains.five_answer(chains.question(1))
    )
    words = [text for one in said for text in (one.out, one.err)] + list(running.values())
    assert not [text for text in words for secret in (*secrets, "PRIVATE KEY") if secret in text]
    assert "it belongs to another fleet" in quiet.refusal()
    assert not list(state_dir.rglob("*.key")), "the throw-away fleet went with its chain"


def test_no_key_is_in_a_process_list(tmp_path: Path, five: Path, state_dir: Path) -> None:
    edgechain = Edgechain(tmp_path, state_dir)
    with edgechain.up(five, "five"):
        listed = subprocess.run(["ps", "axeww"], check=True, capture_output=True, text=True).stdout
        secrets = canaries(state_dir)
    assert str(state_dir) in listed
    assert not [secret for secret in secrets if secret in listed]


def test_insecure_is_said_loudly_and_has_to_be_said_twice(
    tmp_path: Path, five: Path, state_dir: Path
) -> None:
    edgechain = Edgechain(tmp_path, state_dir, {"EDGECHAIN_IDENTITY": ""})
    up = edgechain("up", five, "--name", "five", "--detach", "--insecure")
    try:
        assert "INSECURE: nothing is encrypted" in up.err
        assert all(
            "INSECURE" in text for name, text in readable(state_dir).items() if ".log" in name
        )
        assert not list(state_dir.rglob("*.key"))
        asked = ("infer", "five", "--input", "in.npz", "-o", "out.npz")
        assert "chain 'five' runs without keys" in edgechain(*asked, status=1).refusal()
        assert "INSECURE: nothing is encrypted" in edgechain(*asked, "--insecure").err
    finally:
        edgechain("down", "five")
