"""An identity is taken as a whole or not at all, and its key is seen by nobody."""

from __future__ import annotations

import logging
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgechain.errors import InvalidIdentity, Unauthorized
from edgechain.security.authority import Authority
from edgechain.security.identity import load_identity, write_identity, write_throwaway
from edgechain.spec.message import Role
from tests.security.members import NOW, fleet, made

EPOCH = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    fleet(tmp_path)
    return tmp_path / "identities" / "pi-a"


def complaint(path: Path) -> str:
    with pytest.raises(InvalidIdentity) as refused:
        load_identity(path)
    line = str(refused.value)
    assert "\n" not in line
    assert "PRIVATE" not in line
    return line


def test_no_directory(tmp_path: Path) -> None:
    assert complaint(tmp_path / "no").endswith("is no directory; `edgechain init` makes identities")


@pytest.mark.parametrize("name", ["identity.key", "identity.pem", "authority.pem", "revoked.crl"])
def test_each_file_is_needed(own: Path, name: str) -> None:
    (own / name).unlink()
    assert complaint(own) == f"{own / name} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("identity.key", "holds no private key in PEM"),
        ("identity.pem", "holds no certificate in PEM"),
        ("authority.pem", "holds no certificate in PEM"),
        ("revoked.crl", "holds no list of revocations in PEM"),
    ],
)
@pytest.mark.parametrize("text", [b"", b"hello\n", b"-----BEGIN X-----\nAAAA\n-----END X-----\n"])
def test_each_file_is_what_it_should_be(own: Path, name: str, reason: str, text: bytes) -> None:
    (own / name).write_bytes(text)
    assert reason in complaint(own)


def test_a_key_of_somebody_else(own: Path) -> None:
    (own / "identity.key").write_bytes((own.parent / "pi-b" / "identity.key").read_bytes())
    assert "the key does not fit the certificate" in complaint(own)


def test_an_authority_of_another_fleet(own: Path, tmp_path: Path) -> None:
    fleet(tmp_path / "other")
    other = tmp_path / "other" / "fleet"
    for name in ("authority.pem", "revoked.crl"):
        (own / name).write_bytes((other / name).read_bytes())
    assert "not from this fleet's authority" in complaint(own)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read(own: Path, mode: int) -> None:
    (own / "identity.key").chmod(mode)
    assert f"is open to others (mode {mode:03o}); `chmod 600 {own}/identity.key`" in complaint(own)


def test_ten_years_and_not_a_day_more(tmp_path: Path) -> None:
    authority = Authority.new("fleet")
    known = made(tmp_path / "laptop", authority, Role.CLIENT, "laptop")
    nobody = authority.revoke(())
    issued = authority.issue(Role.NODE, "pi-a", NOW)
    write_identity(tmp_path / "pi-a", issued, authority.certificate, nobody)
    for when in (EPOCH, NOW, NOW + timedelta(days=3650)):
        load_identity(tmp_path / "pi-a", clock=lambda when=when: when)  # type: ignore[misc]
    late = load_identity(tmp_path / "laptop", clock=lambda: NOW)
    late._clock = lambda: NOW + timedelta(days=3660)
    with pytest.raises(Unauthorized, match="has expired on 2036-"):
        late.admit(issued.certificate)
    assert known.admit(issued.certificate).name == "pi-a"


def test_a_laptop_without_a_clock_issues_what_lasts(tmp_path: Path) -> None:
    authority = Authority.new("fleet")
    made(tmp_path / "pi-a", authority, Role.NODE, "pi-a", EPOCH)
    load_identity(tmp_path / "pi-a", clock=lambda: NOW)


def test_a_throw_away_fleet_keeps_no_authority(tmp_path: Path) -> None:
    write_throwaway(tmp_path, "digits", ("digits-a", "digits-b"), "client")
    assert {path.name for path in tmp_path.iterdir()} == {"digits-a", "digits-b", "client"}
    assert len(list(tmp_path.rglob("*.key"))) == 3
    node = load_identity(tmp_path / "digits-a")
    assert str(node.admit((tmp_path / "client" / "identity.pem").read_bytes())) == "client client"


def test_nobody_sees_a_key(own: Path, caplog: pytest.LogCaptureFixture) -> None:
    canary = (own / "identity.key").read_text().splitlines()[1]
    caplog.set_level(logging.DEBUG)
    identity = load_identity(own)
    seen = [repr(identity), str(identity), repr(identity.credentials), repr(identity.party)]
    authority = Authority.new("fleet")
    issued = authority.issue(Role.NODE, "pi-a", NOW)
    seen += [repr(authority), str(issued), caplog.text]
    secrets = (canary, issued.key.decode().splitlines()[1], "PRIVATE KEY")
    assert not [text for text in seen for secret in secrets if secret in text]
    assert canary in identity.credentials.key.decode(), "or the canary is none"
    with pytest.raises(TypeError):
        pickle.dumps(identity)
