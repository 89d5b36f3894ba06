"""A fleet's authority: whoever holds its key decides who belongs to the fleet. No files here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgechain.errors import InvalidIdentity
from edgechain.security import proof
from edgechain.security.certificates import (
    BEGINNING,
    NEVER,
    NO_CERTIFICATE,
    authority_certificate,
    expiry,
    identity_certificate,
    new_key,
)
from edgechain.spec.message import Role

PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh identity, in PEM; ``serial`` is what a revocation names."""

    role: Role
    name: str
    serial: int
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


class Authority:
    """Issues identities and says which ones are no longer good."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate):
        self._key = key
        self._certificate = certificate

    @classmethod
    def new(cls, fleet: str) -> Authority:
        """An authority that nobody knows yet."""
        key = new_key()
        return cls(key, authority_certificate(key, fleet))

    @property
    def certificate(self) -> bytes:
        """What every member of the fleet has to know (PEM)."""
        return self._certificate.public_bytes(PEM)

    @property
    def key(self) -> bytes:
        """The secret of the fleet (PEM)."""
        return key_bytes(self._key)

    def issue(self, role: Role, name: str, now: datetime) -> Issued:
        """An identity for a node or a client."""
        key = new_key()
        certificate = self.certify(key.public_key(), (role, name), now)
        serial = certificate.serial_number
        return Issued(role, name, serial, certificate.public_bytes(PEM), key_bytes(key))

    def certify(
        self, key: ec.EllipticCurvePublicKey, party: tuple[Role, str], now: datetime
    ) -> x509.Certificate:
        """A certificate for a key that somebody else holds."""
        return identity_certificate(self._key, self._certificate, key, party, expiry(now))

    def sign(self, data: bytes) -> bytes:
        """The authority's signature under ``data`` (DER); ``signature`` checks it."""
        return proof.sign(self._key, data)

    def revoke(self, serials: Iterable[int]) -> bytes:
        """The list of all revocations (PEM), signed. It has no end: a board may have no clock."""
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self._certificate.subject, last_update=BEGINNING, next_update=NEVER
        )
        for serial in sorted(serials):
            entry = x509.RevokedCertificateBuilder(serial, BEGINNING)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(PEM)


def key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key in PEM, as it stands in a file."""
    plain = serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain)


def read_key(data: bytes, where: object) -> ec.EllipticCurvePrivateKey:
    """A key from PEM. Raises ``InvalidIdentity``, which says nothing of what stands there."""
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidIdentity(f"{where} holds no private key in PEM without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidIdentity(f"{where} holds a key of another kind; a fleet's are ECDSA P-256")
    return key


def read_certificate(data: bytes, where: object) -> x509.Certificate:
    """A certificate from PEM. Raises ``InvalidIdentity``."""
    try:
        return x509.load_pem_x509_certificate(data)
    except NO_CERTIFICATE:
        raise InvalidIdentity(f"{where} holds no certificate in PEM") from None


def require_pair(
    key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, where: object
) -> None:
    """Raise ``InvalidIdentity`` unless the key is the certificate's."""
    if key.public_key() != certificate.public_key():
        raise InvalidIdentity(f"{where}: the key does not fit the certificate beside it")


def today() -> datetime:
    """The time on this machine's clock."""
    return datetime.now(UTC)
