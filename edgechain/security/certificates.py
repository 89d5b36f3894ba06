"""What stands in a certificate of ours, made and read.

ECDSA on P-256, signed by the authority itself. The common name is the party's; among the
alternative names, which is what is read, ``DNS:node.edgechain`` serves TLS and
``URI:edgechain:node/pi-a`` says role and name. A board has no clock when it boots, so everything
is valid from 1970 on; the authority for ever, the others for ten years.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edgechain.errors import Unauthorized
from edgechain.spec.identity import Party
from edgechain.spec.ids import is_name
from edgechain.spec.message import Role

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""What a board believes when it boots."""

NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""No expiry (RFC 5280, section 4.1.2.5)."""

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock is right that shows less than the date of this code."""

LIFE = timedelta(days=3653)
"""Ten years."""

_SCHEME = "edgechain:"


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key that nobody else has."""
    return ec.generate_private_key(ec.SECP256R1())


def expiry(now: datetime) -> datetime:
    """When an identity that is issued now ends."""
    return max(now, WRITTEN) + LIFE


def authority_certificate(key: ec.EllipticCurvePrivateKey, fleet: str) -> x509.Certificate:
    """The authority's, signed by itself. It signs identities and revocations, no authorities."""
    name = named(fleet)
    builder = _builder(name, name, key.public_key(), NEVER)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_others=True), critical=True)
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(subject_key, critical=False).sign(key, hashes.SHA256())


def identity_certificate(
    signer: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    party: tuple[Role, str],
    until: datetime,
) -> x509.Certificate:
    """A node's or a client's. A node answers and asks, a client only asks."""
    role, name = party
    asks, answers = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
    purposes = [asks, answers] if role is Role.NODE else [asks]
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = _builder(named(name), authority.subject, key, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(signs_others=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(_alternative_names(role, name), critical=False)
    return builder.add_extension(issuer_key, critical=False).sign(signer, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=BEGINNING,
        not_valid_after=until,
    )


def named(name: str) -> x509.Name:
    """A subject that is only a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(role: Role, name: str) -> x509.SubjectAlternativeName:
    host = x509.DNSName(f"{role}.edgechain")
    return x509.SubjectAlternativeName(
        [host, x509.UniformResourceIdentifier(f"{_SCHEME}{role}/{name}")]
    )


NO_CERTIFICATE = (ValueError, x509.InvalidVersion, UnsupportedAlgorithm)
"""What reading bytes raises that are no certificate and no list of revocations."""


def party_of(certificate: x509.Certificate) -> Party:
    """Whose certificate this says it is. Raises ``Unauthorized`` for one that says nothing."""
    for text in _identifiers(certificate):
        role, _, name = text.removeprefix(_SCHEME).partition("/")
        if text.startswith(_SCHEME) and role in tuple(Role) and is_name(name):
            fingerprint = certificate.fingerprint(hashes.SHA256())
            return Party(Role(role), name, fingerprint, certificate.serial_number)
    raise Unauthorized("the certificate names no node or client of a fleet")


def _identifiers(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)


def require_issued(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    """Raise ``Unauthorized`` unless this very authority signed the certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        raise Unauthorized("the certificate is not from this fleet's authority") from None


def require_unexpired(certificate: x509.Certificate, now: datetime) -> None:
    """Raise ``Unauthorized`` for a certificate whose time is over."""
    if certificate.not_valid_after_utc < now:
        day = certificate.not_valid_after_utc.date()
        raise Unauthorized(f"the certificate has expired on {day}")
