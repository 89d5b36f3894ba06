"""A fleet's directory: what is made, what is kept, what is revoked, and who may read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgechain.errors import InvalidIdentity, Unauthorized
from edgechain.security.fleet import FleetDirectory
from edgechain.security.identity import load_identity
from edgechain.spec.message import Role
from tests.security.members import fleet, member

IDENTITY_FILES = {"authority.pem", "identity.key", "identity.pem", "revoked.crl"}


def pem(path: Path) -> bytes:
    return path.read_bytes()


def admitted(directory: Path, name: str) -> str:
    """What pi-a thinks of somebody."""
    judge = member(directory, "pi-a")
    return str(judge.admit(pem(directory / "identities" / name / "identity.pem")))


def test_everybody_gets_one_directory(tmp_path: Path) -> None:
    fleet(tmp_path)
    for name in ("pi-a", "pi-b", "laptop"):
        folder = tmp_path / "identities" / name
        assert {path.name for path in folder.iterdir()} == IDENTITY_FILES
        assert member(tmp_path, name).party.name == name
    assert admitted(tmp_path, "pi-b") == "node pi-b"
    assert admitted(tmp_path, "laptop") == "client laptop"


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    fleet(tmp_path)
    keys = list(tmp_path.rglob("*.key"))
    assert len(keys) == 4
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    folders = [path.parent for path in keys]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    fleet(tmp_path)
    assert not [p for p in tmp_path.rglob(".*") if p.name not in (".gitignore", ".keep")]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fleet(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(InvalidIdentity, match="No space left on device"):
            found.provide(Role.NODE, "pi-c")
    assert sorted(tmp_path.rglob("*")) == before


def test_git_sees_none_of_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    fleet(tmp_path / "ours")
    said = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "-uall"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout == ""


def test_more_nodes_are_added_and_the_others_kept(tmp_path: Path) -> None:
    fleet(tmp_path)
    kept = {path: pem(path) for path in tmp_path.rglob("*") if path.is_file()}
    fleet(tmp_path, ("pi-a", "pi-c"))
    assert {path: pem(path) for path in kept} == kept
    assert admitted(tmp_path, "pi-c") == "node pi-c"


def test_a_name_is_a_nodes_or_a_clients(tmp_path: Path) -> None:
    with pytest.raises(InvalidIdentity, match="pi-a is a node's name already"):
        fleet(tmp_path).provide(Role.CLIENT, "pi-a")


def test_the_client_of_this_machine_is_one_that_is_good(tmp_path: Path) -> None:
    found = fleet(tmp_path)
    assert found.client().name == "laptop"
    found.provide(Role.CLIENT, "another")
    assert found.client().name == "another"
    found.revoke(("another",))
    assert found.client().name == "laptop"
    found.revoke(("laptop",))
    with pytest.raises(InvalidIdentity, match="no client has an identity here"):
        found.client()


def test_who_is_revoked_is_refused_by_all_that_have_the_list(tmp_path: Path) -> None:
    found = fleet(tmp_path)
    judge = member(tmp_path, "pi-a")
    shown = pem(tmp_path / "identities" / "pi-b" / "identity.pem")
    party = judge.admit(shown)
    assert judge.still_member(party)
    count, lists = found.revoke(("pi-b",))
    assert (count, len(lists)) == (1, 3)
    assert not judge.still_member(party), "it looks at the file again when that has changed"
    with pytest.raises(Unauthorized, match="certificate of node pi-b was revoked"):
        judge.admit(shown)
    assert admitted(tmp_path, "laptop") == "client laptop"


def test_who_is_revoked_cannot_start(tmp_path: Path) -> None:
    fleet(tmp_path).revoke(("pi-b",))
    with pytest.raises(InvalidIdentity, match="pi-b was revoked"):
        member(tmp_path, "pi-b")


def test_who_was_revoked_can_be_made_anew(tmp_path: Path) -> None:
    found = fleet(tmp_path)
    old = pem(tmp_path / "identities" / "pi-b" / "identity.pem")
    found.revoke(("pi-b",))
    _, new = found.provide(Role.NODE, "pi-b")
    assert new
    assert admitted(tmp_path, "pi-b") == "node pi-b"
    with pytest.raises(Unauthorized, match="revoked"):
        member(tmp_path, "pi-a").admit(old)
    assert found.revoke(("pi-b",))[0] == 1


def test_only_who_has_a_certificate_can_be_revoked(tmp_path: Path) -> None:
    with pytest.raises(InvalidIdentity, match="no identity was issued to 'pi-x'; known: laptop"):
        fleet(tmp_path).revoke(("pi-x",))


def test_a_list_that_breaks_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet(tmp_path).revoke(("pi-b",))
    judge = member(tmp_path, "pi-a")
    shown = pem(tmp_path / "identities" / "pi-b" / "identity.pem")
    own_list = tmp_path / "identities" / "pi-a" / "revoked.crl"
    for broken in (b"", b"-----BEGIN X509 CRL-----\nno\n-----END X509 CRL-----\n"):
        own_list.write_bytes(broken)
        with pytest.raises(Unauthorized, match="revoked"):
            judge.admit(shown)
    own_list.unlink()
    with pytest.raises(Unauthorized, match="revoked"):
        judge.admit(shown)
    assert "what was revoked stays revoked" in caplog.text


def test_a_list_of_another_authority_is_not_taken(tmp_path: Path) -> None:
    fleet(tmp_path / "one")
    fleet(tmp_path / "two").revoke(("pi-b",))
    path = tmp_path / "one" / "identities" / "pi-a" / "revoked.crl"
    path.write_bytes(pem(tmp_path / "two" / "fleet" / "revoked.crl"))
    with pytest.raises(InvalidIdentity, match="not from the authority beside it"):
        load_identity(path.parent)


def test_without_the_authoritys_key_nothing_is_issued(tmp_path: Path) -> None:
    fleet(tmp_path)
    (tmp_path / "fleet" / "authority.key").unlink()
    with pytest.raises(InvalidIdentity, match="only the machine that made the fleet has it"):
        FleetDirectory(tmp_path)


def test_no_fleet_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidIdentity, match="`edgechain init` makes one"):
        FleetDirectory(tmp_path)
