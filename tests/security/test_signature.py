"""A bundle's signature: exactly these bytes, by exactly this authority, or no."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edgechain.errors import InvalidBundle, InvalidIdentity
from edgechain.security.authority import PEM
from edgechain.security.certificates import BEGINNING, NEVER, named
from edgechain.security.fleet import FleetDirectory
from edgechain.security.signature import main, require_signature
from tests.security.members import fleet

LISTING = b'{"device":"pi-a","number":17}'


@pytest.fixture
def ours(tmp_path: Path) -> FleetDirectory:
    return fleet(tmp_path / "ours", ())


@pytest.fixture
def authority(ours: FleetDirectory, tmp_path: Path) -> bytes:
    return (tmp_path / "ours" / "fleet" / "authority.pem").read_bytes()


@pytest.fixture
def files(ours: FleetDirectory, authority: bytes, tmp_path: Path) -> list[str]:
    (tmp_path / "bundle.json").write_bytes(LISTING)
    (tmp_path / "bundle.sig").write_bytes(ours.sign(LISTING))
    (tmp_path / "authority.pem").write_bytes(authority)
    named_files = [str(tmp_path / name) for name in ("authority.pem", "bundle.json", "bundle.sig")]
    return ["--authority", *named_files]


def test_what_was_signed_is_good(ours: FleetDirectory, authority: bytes) -> None:
    require_signature(authority, LISTING, ours.sign(LISTING))


def test_every_changed_byte_is_seen(ours: FleetDirectory, authority: bytes) -> None:
    signature = ours.sign(LISTING)
    changed = [
        LISTING[:place] + bytes([LISTING[place] ^ 1]) + LISTING[place + 1 :]
        for place in range(len(LISTING))
    ]
    for listing in (*changed, LISTING + b"\n", LISTING[:-1], b""):
        with pytest.raises(InvalidBundle, match="not what this fleet's authority signed"):
            require_signature(authority, listing, signature)


@pytest.mark.parametrize("signature", [b"", b"x", b"\x30\x06\x02\x01\x01\x02\x01\x01", bytes(4096)])
def test_what_is_no_signature(authority: bytes, signature: bytes) -> None:
    with pytest.raises(InvalidBundle):
        require_signature(authority, LISTING, signature)


def test_another_fleets_signature(authority: bytes, tmp_path: Path) -> None:
    theirs = fleet(tmp_path / "theirs", ())
    with pytest.raises(InvalidBundle, match="or is another fleet's"):
        require_signature(authority, LISTING, theirs.sign(LISTING))


def test_an_authority_of_another_kind() -> None:
    key, name = ec.generate_private_key(ec.SECP384R1()), named("fleet")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, BEGINNING, NEVER)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(PEM)
    signature = key.sign(LISTING, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidIdentity, match="another key than ECDSA P-256"):
        require_signature(certificate, LISTING, signature)


def test_as_a_device_runs_it(files: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgechain.security.signature", *files]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    (tmp_path / "bundle.json").write_bytes(LISTING.replace(b"17", b"18"))
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)
    assert "not what this fleet's authority signed" in bad.stderr


@pytest.mark.parametrize("missing", ["authority.pem", "bundle.json", "bundle.sig"])
def test_a_file_that_is_not_there(
    files: list[str], tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / missing).unlink()
    assert main(files) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{missing} cannot be read: No such file or directory" in said


def test_it_needs_little_of_a_device(files: list[str]) -> None:
    """It runs before a new environment is believed: no gRPC, no interpreter, no numpy."""
    code = (
        "import sys; from edgechain.security.signature import main; main(sys.argv[1:]);"
        "print(*(m for m in ('grpc', 'numpy', 'ai_edge_litert', 'zeroconf') if m in sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, check=True)
    assert told.stdout.split() == []
