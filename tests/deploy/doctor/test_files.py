"""What is wrong with a node's files: the config, its chain, its identity."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from edgechain.deploy.doctor.door import consult
from edgechain.deploy.doctor.question import Question
from edgechain.security.authority import Authority, read_certificate, read_key
from edgechain.security.certificates import identity_certificate
from edgechain.security.files import write_file
from edgechain.security.identity import AUTHORITY, CERTIFICATE, KEY, REVOKED
from edgechain.spec.message import Role
from tests.deploy.doctor.setups import Setup, examined, faults, only, warnings


def test_nothing_is_wrong_with_a_sound_set_up(setup: Setup) -> None:
    report = examined(setup)
    assert faults(report) == warnings(report) == set(), report.to_json()
    subjects = {finding.code for finding in report.findings}
    assert {"python", "packages", "interpreter", "chain", "identity", "port"} <= subjects
    assert {"multicast", "disk", "memory", "throttling"} <= subjects, "each has been looked at"


# The identity ------------------------------------------------------------------------------------


def dated(setup: Setup, begins: datetime, ends: datetime) -> None:
    """Give the certificate another time, signed by the same authority."""
    authority = read_certificate(setup.authority.certificate, "authority")
    signer = read_key(setup.authority.key, "authority")
    key = read_key((setup.identity / KEY).read_bytes(), "key").public_key()
    pattern = identity_certificate(signer, authority, key, (Role.NODE, "pi-a"), ends)
    builder = x509.CertificateBuilder(
        issuer_name=pattern.issuer,
        subject_name=pattern.subject,
        public_key=key,
        serial_number=pattern.serial_number,
        not_valid_before=begins,
        not_valid_after=ends,
        extensions=list(pattern.extensions),
    )
    made = builder.sign(signer, hashes.SHA256())
    write_file(setup.identity / CERTIFICATE, made.public_bytes(Encoding.PEM))


def expired(setup: Setup) -> None:
    now = datetime.now(UTC)
    dated(setup, now - timedelta(days=20), now - timedelta(days=10))


def early(setup: Setup) -> None:
    now = datetime.now(UTC)
    dated(setup, now + timedelta(days=10), now + timedelta(days=20))


def of_another_name(setup: Setup) -> None:
    setup.issue("pi-b")


def of_a_client(setup: Setup) -> None:
    setup.issue("pi-a", Role.CLIENT)


def of_another_authority(setup: Setup) -> None:
    other = Authority.new("others")
    write_file(setup.identity / AUTHORITY, other.certificate)
    write_file(setup.identity / REVOKED, other.revoke(()))


def revoked(setup: Setup) -> None:
    issued = setup.issue("pi-a")
    write_file(setup.identity / REVOKED, setup.authority.revoke([issued.serial]))


def open_key(setup: Setup) -> None:
    (setup.identity / KEY).chmod(0o644)


def without_key(setup: Setup) -> None:
    (setup.identity / KEY).unlink()


def with_another_key(setup: Setup) -> None:
    before = (setup.identity / CERTIFICATE).read_bytes()
    setup.issue("pi-a")
    write_file(setup.identity / CERTIFICATE, before)


def gone(setup: Setup) -> None:
    shutil.rmtree(setup.identity)


def unnamed(setup: Setup) -> None:
    setup.write(identity=None)


@pytest.mark.parametrize(
    ("break_it", "code", "words"),
    [
        (expired, "certificate-expired", "has expired on"),
        (early, "certificate-early", "begins on"),
        (of_another_name, "certificate-name", "that of node pi-b, and here it has to be that of "),
        (of_a_client, "certificate-name", "that of client pi-a"),
        (of_another_authority, "certificate-authority", "not from the authority beside it"),
        (revoked, "certificate-revoked", "was revoked"),
        (open_key, "identity-open", "mode 644"),
        (without_key, "identity-broken", "has no identity.key"),
        (with_another_key, "identity-broken", "does not fit the certificate"),
        (gone, "identity-missing", "is no directory"),
        (unnamed, "identity-missing", "no identity is named"),
    ],
)
def test_an_identity(
    setup: Setup, break_it: Callable[[Setup], None], code: str, words: str
) -> None:
    break_it(setup)
    assert words in only(examined(setup), code).what


def test_a_certificate_that_ends_soon_is_a_warning(setup: Setup) -> None:
    now = datetime.now(UTC)
    dated(setup, now - timedelta(days=1), now + timedelta(days=10))
    report = examined(setup)
    assert (faults(report), warnings(report)) == (set(), {"certificate-ending"})


def test_keys_are_in_no_finding(setup: Setup) -> None:
    secret = (setup.identity / KEY).read_text().splitlines()[1]
    (setup.identity / CERTIFICATE).write_bytes((setup.identity / KEY).read_bytes())
    report = examined(setup)
    assert faults(report) == {"identity-broken"}
    assert secret not in report.to_json()


# The config and its chain ------------------------------------------------------------------------


def test_a_config_that_is_none(setup: Setup) -> None:
    setup.write(prot=1)
    found = only(examined(setup), "config-invalid")
    assert found.where.startswith(f"{setup.config}:1:")
    assert "did you mean 'port'?" in found.what


def test_a_config_that_is_not_there(setup: Setup, tmp_path: Path) -> None:
    setup.config.unlink()
    assert "No such file" in only(examined(setup), "config-invalid").what


def test_a_stage_that_the_chain_has_not(setup: Setup) -> None:
    setup.write(stages=["head", "tial"])
    report = examined(setup)
    (found,) = [f for f in report.findings if f.code == "config-invalid"]
    assert "no stage 'tial'; it has head, left, right, meet, tail" in found.what


def changed_file(setup: Setup) -> None:
    (setup.chain / "stage_actors.py").write_text("# another one")


def changed_manifest(setup: Setup) -> None:
    manifest = setup.chain / "chain.yaml"
    manifest.write_text(manifest.read_text().replace("factor: 5", "factor: 6"))


def no_chain(setup: Setup) -> None:
    shutil.rmtree(setup.chain)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (changed_file, "was changed"),
        (changed_manifest, "the content was changed after it was sealed"),
        (no_chain, "there is no such directory"),
    ],
)
def test_a_chain(setup: Setup, break_it: Callable[[Setup], None], words: str) -> None:
    break_it(setup)
    assert words in only(examined(setup), "chain-broken").what


def test_two_configs_of_one_name(setup: Setup, tmp_path: Path) -> None:

    twin = tmp_path / "twin.yaml"
    twin.write_bytes(setup.config.read_bytes())
    report = consult(Question(configs=(setup.config, twin), listen=0.1))
    assert faults(report) == {"node-duplicate", "node-absent"}
