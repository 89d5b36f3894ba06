"""``init`` and ``revoke`` as users meet them; what nodes and clients say without keys."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.chain import chains
from tests.commands import Edgechain

pytestmark = pytest.mark.once


@pytest.fixture
def five(tmp_path: Path) -> Path:
    return chains.write(tmp_path / "five", chains.five_stages())


def config(folder: Path, **keys: object) -> Path:
    path = folder / "node.yaml"
    whole = {"name": "pi-a", "chain": "five", "host": "127.0.0.1", "port": 0} | keys
    path.write_text(json.dumps(whole))
    return path


def test_init_says_what_goes_where(edgechain: Edgechain, tmp_path: Path) -> None:
    said = edgechain("init", "ours", "pi-a", "pi-b", "--client", "laptop")
    assert "ours/identities/pi-a  new: copy this directory to the board" in said.out
    assert f"export EDGECHAIN_IDENTITY={tmp_path}/ours/identities/laptop" in said.out
    again = edgechain("init", "ours", "pi-b", "pi-c", "--client", "laptop")
    assert "ours/identities/pi-b  a node's, kept as it is" in again.out
    assert "ours/identities/pi-c  new" in again.out
    assert said.err == again.err == ""
    assert "PRIVATE" not in said.out + again.out


def test_init_names_this_machine_by_itself(edgechain: Edgechain, tmp_path: Path) -> None:
    edgechain("init", "ours")
    assert len(list((tmp_path / "ours" / "identities").glob("*/identity.key"))) == 1


def test_revoke_says_where_the_list_goes(edgechain: Edgechain) -> None:
    edgechain("init", "ours", "pi-a", "pi-b", "--client", "laptop")
    said = edgechain("revoke", "ours", "pi-b")
    assert said.out.splitlines()[0] == "revoked: pi-b"
    assert "  ours/identities/pi-a/revoked.crl" in said.out.splitlines()
    assert "  ours/identities/pi-b/revoked.crl" not in said.out.splitlines()
    again = edgechain("revoke", "ours", "pi-b")
    assert again.out.splitlines()[0] == "revoked: pi-b, as they were before"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("init", "ours", "pi a"), "'pi a' is not a name"),
        (("init", "ours", "--client", "-"), "is not a name"),
        (("init", "file"), "file/fleet cannot be written"),
        (("init", "ours", "--client", "pi-a"), "pi-a is a node's name already"),
        (("revoke", "ours", "pi-x"), "no identity was issued to 'pi-x'; known: laptop, pi-a"),
        (("revoke", "nowhere", "pi-a"), "there is no fleet here; `edgechain init` makes one"),
    ],
)
def test_mistakes_are_one_line(
    edgechain: Edgechain, tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "file").touch()
    edgechain("init", "ours", "pi-a", "--client", "laptop")
    assert reason in edgechain(*words, status=None).refusal()


def test_a_node_without_keys_does_not_start(
    edgechain: Edgechain, tmp_path: Path, five: Path
) -> None:
    said = edgechain("node", config(tmp_path), status=1).refusal()
    assert "node.yaml: identity: is missing; `edgechain init` makes one" in said


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"identity": "ours/identities/pi-b"}, "is that of node pi-b, and this node is called"),
        ({"identity": "ours/identities/laptop"}, "is that of client laptop"),
        ({"identity": "ours/identities/pi-x"}, "is no directory; `edgechain init` makes"),
        ({"identity": "ours/identities/pi-a", "insecure": True}, "take one of them out"),
    ],
)
def test_a_node_with_the_wrong_keys_does_not_start(
    edgechain: Edgechain, tmp_path: Path, five: Path, keys: dict[str, object], reason: str
) -> None:
    edgechain("init", "ours", "pi-a", "pi-b", "--client", "laptop")
    assert reason in edgechain("node", config(tmp_path, **keys), status=1).refusal()


def test_a_client_without_keys_is_told_what_to_do(edgechain: Edgechain, tmp_path: Path) -> None:
    chains_ask = ("infer", "far", "--input", "in.npz", "-o", "out.npz")
    np.savez(tmp_path / "in.npz", x=chains.question(1))
    assert "--identity" in edgechain(*chains_ask, status=1).refusal()
    edgechain("init", "ours", "pi-a")
    said = edgechain(*chains_ask, "--identity", "ours/identities/pi-a", status=1).refusal()
    assert "is that of node pi-a; a client has its own" in said
    both = (*chains_ask, "--identity", "ours/identities/pi-a", "--insecure")
    assert "not both" in edgechain(*both, status=1).refusal()
