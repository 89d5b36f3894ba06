"""Keys that are made on the device: what it asks for, and whom the authority certifies."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from edgechain.errors import InvalidIdentity
from edgechain.security.authority import PEM
from edgechain.security.certificates import named, new_key
from edgechain.security.fleet import FleetDirectory, Membership
from edgechain.security.identity import load_identity
from edgechain.security.request import main, read_request, request_certificate
from edgechain.spec.message import Role
from tests.security.members import NOW, fleet, member


@pytest.fixture
def ours(tmp_path: Path) -> FleetDirectory:
    return fleet(tmp_path / "ours", ())


def flashed(device: Path, membership: Membership) -> None:
    """What the agent does with what it is given."""
    (device / "authority.pem").write_bytes(membership.authority)
    (device / "identity.pem").write_bytes(membership.certificate)
    (device / "revoked.crl").write_bytes(membership.revoked)


def asked(key: ec.EllipticCurvePrivateKey, *names: str) -> x509.CertificateSigningRequest:
    subject = x509.Name([attribute for name in names for attribute in named(name)])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())


def test_a_device_becomes_a_member(ours: FleetDirectory, tmp_path: Path) -> None:
    device = tmp_path / "device" / "identity"
    flashed(device, ours.certify(request_certificate(device, "pi-a"), Role.NODE, "pi-a"))
    assert str(load_identity(device).party) == "node pi-a"
    laptop = member(tmp_path / "ours", "laptop")
    assert laptop.admit((device / "identity.pem").read_bytes()).name == "pi-a"
    assert (device.stat().st_mode & 0o777, (device / "identity.key").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    assert len(list((tmp_path / "ours" / "fleet" / "issued").glob("pi-a-*.pem"))) == 1


def test_the_key_is_made_once(tmp_path: Path) -> None:
    first, second = (request_certificate(tmp_path / "identity", "pi-a") for _ in range(2))
    assert read_request(first)[1] == read_request(second)[1]


def test_the_same_key_gets_the_same_certificate(ours: FleetDirectory, tmp_path: Path) -> None:
    request = request_certificate(tmp_path / "identity", "pi-a")
    first, second = (ours.certify(request, Role.NODE, "pi-a") for _ in range(2))
    assert first == second
    assert len(list((tmp_path / "ours" / "fleet" / "issued").glob("pi-a-*.pem"))) == 1


def test_another_key_is_refused_until_somebody_says_so(
    ours: FleetDirectory, tmp_path: Path
) -> None:
    old = ours.certify(request_certificate(tmp_path / "old", "pi-a"), Role.NODE, "pi-a")
    request = request_certificate(tmp_path / "new", "pi-a")
    before = sorted((tmp_path / "ours").rglob("*"))
    with pytest.raises(InvalidIdentity, match="pi-a has a certificate for another key already"):
        ours.certify(request, Role.NODE, "pi-a")
    assert sorted((tmp_path / "ours").rglob("*")) == before
    new = ours.certify(request, Role.NODE, "pi-a", replace=True)
    judge = member(tmp_path / "ours", "laptop")
    assert judge.admit(new.certificate).name == "pi-a"
    with pytest.raises(Exception, match="certificate of node pi-a was revoked"):
        judge.admit(old.certificate)
    assert ours.certify(request, Role.NODE, "pi-a") == new


def test_after_a_revocation_the_name_is_free(ours: FleetDirectory, tmp_path: Path) -> None:
    ours.certify(request_certificate(tmp_path / "old", "pi-a"), Role.NODE, "pi-a")
    ours.revoke(("pi-a",))
    request = request_certificate(tmp_path / "new", "pi-a")
    flashed(tmp_path / "new", ours.certify(request, Role.NODE, "pi-a"))
    assert load_identity(tmp_path / "new").party.name == "pi-a"


def test_a_certificate_that_ends_soon_is_made_anew(tmp_path: Path) -> None:
    fleet(tmp_path / "ours", ())
    request = request_certificate(tmp_path / "identity", "pi-a")

    def at(when: datetime) -> Membership:
        found = FleetDirectory(tmp_path / "ours", clock=lambda: when)
        return found.certify(request, Role.NODE, "pi-a")

    first = at(NOW)
    assert at(NOW + timedelta(days=3000)) == first
    later = at(NOW + timedelta(days=3500))
    assert later != first
    assert at(NOW + timedelta(days=3600)) == later
    assert at(NOW + timedelta(days=3500 + 3700)) not in (first, later), "over: no obstacle"


def test_a_clients_name_is_no_nodes(ours: FleetDirectory, tmp_path: Path) -> None:
    request = request_certificate(tmp_path / "identity", "laptop")
    for replace in (False, True):
        with pytest.raises(InvalidIdentity, match="laptop is a client's name already"):
            ours.certify(request, Role.NODE, "laptop", replace=replace)


def test_a_device_cannot_ask_for_another_name(ours: FleetDirectory, tmp_path: Path) -> None:
    request = request_certificate(tmp_path / "identity", "pi-b")
    with pytest.raises(InvalidIdentity, match="asks to be 'pi-b', and it is flashed as 'pi-a'"):
        ours.certify(request, Role.NODE, "pi-a")


def test_requests_that_are_none(ours: FleetDirectory, tmp_path: Path) -> None:
    key = new_key()
    good = asked(key, "pi-a").public_bytes(PEM)
    lines = good.splitlines(keepends=True)
    large = rsa.generate_private_key(65537, 2048)
    other = x509.CertificateSigningRequestBuilder(named("pi-a")).sign(large, hashes.SHA256())
    curve = asked(ec.generate_private_key(ec.SECP384R1()), "pi-a")
    cases = {
        b"": "sent no certificate signing request",
        b"".join(lines[:-2]): "sent no certificate signing request",
        other.public_bytes(PEM): "another key than ECDSA P-256",
        curve.public_bytes(PEM): "another key than ECDSA P-256",
        asked(key).public_bytes(PEM): "does not say one node's name",
        asked(key, "pi-a", "pi-b").public_bytes(PEM): "does not say one node's name",
        asked(key, "../pi-a").public_bytes(PEM): "does not say one node's name",
    }
    for request, reason in cases.items():
        with pytest.raises(InvalidIdentity, match=reason):
            ours.certify(request, Role.NODE, "pi-a")
    assert not list((tmp_path / "ours" / "fleet" / "issued").glob("pi-a-*.pem"))


def test_a_request_signed_by_another_key(ours: FleetDirectory) -> None:
    ask = x509.load_der_x509_csr(_swapped(asked(new_key(), "pi-a"), asked(new_key(), "pi-a")))
    assert not ask.is_signature_valid, "or the case is none"
    with pytest.raises(InvalidIdentity, match="not signed with the key that it shows"):
        ours.certify(ask.public_bytes(PEM), Role.NODE, "pi-a")


def _swapped(
    shown: x509.CertificateSigningRequest, signer: x509.CertificateSigningRequest
) -> bytes:
    """One request's content under the other's signature (both of the same length)."""
    body, signature = shown.tbs_certrequest_bytes, signer.signature
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    bits = b"\x03" + bytes([len(signature) + 1, 0]) + signature
    content = body + algorithm + bits
    return b"\x30\x81" + bytes([len(content)]) + content


def test_as_a_device_runs_it(tmp_path: Path) -> None:
    device = tmp_path / "identity"
    command = [sys.executable, "-m", "edgechain.security.request", "--name", "pi-a", str(device)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert read_request(told.stdout.encode())[0] == "pi-a"
    secret = (device / "identity.key").read_text()
    assert secret.splitlines()[1] not in told.stdout + told.stderr
    assert "PRIVATE" not in told.stdout + told.stderr
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        (b"no key at all\n", 0o600, "holds no private key in PEM"),
        (b"no key at all\n", 0o644, "is open to others"),
    ],
)
def test_a_key_there_that_cannot_be_used_is_not_replaced(
    tmp_path: Path, text: bytes, mode: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "identity.key").write_bytes(text)
    (tmp_path / "identity.key").chmod(mode)
    assert main(["--name", "pi-a", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert reason in said.err
    assert (said.err.count("\n"), said.out) == (1, "")
    assert "no key at all" not in said.err
    assert (tmp_path / "identity.key").read_bytes() == text


def test_a_name_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--name", "../pi", str(tmp_path / "identity")]) == 1
    assert "'../pi' cannot be a node's name" in capsys.readouterr().err
    assert not (tmp_path / "identity").exists()


def test_nobody_sees_the_key(
    ours: FleetDirectory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = request_certificate(tmp_path / "identity", "pi-a")
    membership = ours.certify(request, Role.NODE, "pi-a")
    keys = [*tmp_path.rglob("*.key")]
    canaries = [key.read_text().splitlines()[1] for key in keys]
    assert len(canaries) == 3
    seen = [repr(membership), request.decode(), caplog.text]
    assert not [text for text in seen for secret in (*canaries, "PRIVATE") if secret in text]


def test_a_key_that_was_made_here_gives_way_to_the_boards_own(tmp_path: Path) -> None:
    ours = fleet(tmp_path / "ours", ("pi-a",))
    here = tmp_path / "ours" / "identities" / "pi-a"
    old = (here / "identity.pem").read_bytes()
    given = ours.certify(request_certificate(tmp_path / "board", "pi-a"), Role.NODE, "pi-a")
    assert load_identity(here).party.name == "pi-a", "it counts as long as the board may fail"
    assert ours.retire("pi-a")
    assert not here.exists()
    judge = member(tmp_path / "ours", "laptop")
    assert judge.admit(given.certificate).name == "pi-a"
    with pytest.raises(Exception, match="certificate of node pi-a was revoked"):
        judge.admit(old)
    assert not ours.retire("pi-a")
    assert judge.admit(given.certificate).name == "pi-a"


def test_the_only_key_of_a_name_is_kept(tmp_path: Path) -> None:
    ours = fleet(tmp_path / "ours", ("pi-a",))
    assert not ours.retire("pi-a")
    assert load_identity(tmp_path / "ours" / "identities" / "pi-a").party.name == "pi-a"
