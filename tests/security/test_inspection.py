"""An identity looked at from outside; ``tests/deploy/doctor/test_files.py`` breaks one more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edgechain.security.authority import Authority
from edgechain.security.certificates import BEGINNING
from edgechain.security.files import write_file
from edgechain.security.identity import CERTIFICATE, KEY, REVOKED, write_identity
from edgechain.security.inspection import inspect_identity
from edgechain.spec.message import Role


def written(folder: Path, authority: Authority) -> Path:
    issued = authority.issue(Role.NODE, "pi-a", datetime.now(UTC))
    write_identity(folder, issued, authority.certificate, authority.revoke(()))
    return folder


def test_a_sound_one(tmp_path: Path) -> None:
    found = inspect_identity(written(tmp_path / "identity", Authority.new("ours")))
    assert (found.exists, found.missing, found.open_mode, found.problem) == (True, (), None, "")
    assert (str(found.party), found.issued, found.revoked) == ("node pi-a", True, False)
    assert found.begins == BEGINNING
    assert found.ends is not None
    assert found.ends > datetime.now(UTC)


def test_each_thing_that_is_wrong_is_seen(tmp_path: Path) -> None:
    authority = Authority.new("ours")
    assert not inspect_identity(tmp_path / "nowhere").exists
    folder = written(tmp_path / "identity", authority)
    (folder / KEY).chmod(0o640)
    assert inspect_identity(folder).open_mode == 0o640
    (folder / KEY).chmod(0o600)
    write_file(folder / REVOKED, Authority.new("others").revoke(()))
    assert "not from the authority beside it" in inspect_identity(folder).problem
    (folder / REVOKED).unlink()
    assert inspect_identity(folder).missing == (REVOKED,)
    folder = written(tmp_path / "identity", authority)
    (folder / CERTIFICATE).write_text("nothing")
    assert "holds no certificate" in inspect_identity(folder).problem


def test_nothing_of_a_key_is_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "identity", Authority.new("ours"))
    secret = (folder / KEY).read_text().splitlines()[1]
    assert secret not in repr(inspect_identity(folder))
