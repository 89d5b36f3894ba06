"""One identity at work: a directory with a key, a certificate, the authority's, and revocations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from edgechain.errors import InvalidIdentity, Unauthorized
from edgechain.security import proof
from edgechain.security.authority import (
    Authority,
    Issued,
    read_certificate,
    read_key,
    require_pair,
    today,
)
from edgechain.security.certificates import (
    NO_CERTIFICATE,
    party_of,
    require_issued,
    require_unexpired,
)
from edgechain.security.files import read, write_directory
from edgechain.security.revocation import Revocations
from edgechain.spec.identity import Credentials, Party, Proof
from edgechain.spec.message import Hello, Role, Welcome

KEY = "identity.key"
CERTIFICATE = "identity.pem"
AUTHORITY = "authority.pem"
REVOKED = "revoked.crl"


def write_identity(path: Path, issued: Issued, authority: bytes, revoked: bytes) -> None:
    """Make or replace an identity directory, whole or not at all."""
    files = {KEY: issued.key, CERTIFICATE: issued.certificate}
    write_directory(path, files | {AUTHORITY: authority, REVOKED: revoked})


def write_throwaway(path: Path, fleet: str, nodes: tuple[str, ...], client: str) -> None:
    """Identities ``path``/NAME of a fleet that nobody can join later: its key is not kept."""
    authority = Authority.new(fleet)
    nobody = authority.revoke(())
    members = [(Role.NODE, name) for name in nodes] + [(Role.CLIENT, client)]
    for role, name in members:
        issued = authority.issue(role, name, today())
        write_identity(path / name, issued, authority.certificate, nobody)


def load_identity(directory: Path, clock: Callable[[], datetime] = today) -> Identity:
    """The identity in a directory. Raises ``InvalidIdentity``: what is wrong, what to do."""
    if not directory.is_dir():
        reason = "is no directory; `edgechain init` makes identities"
        raise InvalidIdentity(f"identity {directory} {reason}")
    files = {name: read(directory / name) for name in (KEY, CERTIFICATE, AUTHORITY)}
    key = read_key(files[KEY], directory / KEY)
    own = read_certificate(files[CERTIFICATE], directory / CERTIFICATE)
    authority = read_certificate(files[AUTHORITY], directory / AUTHORITY)
    require_pair(key, own, directory)
    credentials = Credentials(files[AUTHORITY], files[CERTIFICATE], files[KEY])
    revoked = Revocations(directory / REVOKED, authority)
    identity = Identity(directory, credentials, key, own, authority, revoked, clock)
    try:
        identity.check(own)
    except Unauthorized as error:
        raise InvalidIdentity(
            f"identity {directory}: {error}; `edgechain init` makes one"
        ) from None
    return identity


class Identity:
    """Shows who we are and judges who others are; ``LinkSecurity`` for transport."""

    def __init__(
        self,
        directory: Path,
        credentials: Credentials,
        key: ec.EllipticCurvePrivateKey,
        own: x509.Certificate,
        authority: x509.Certificate,
        revoked: Revocations,
        clock: Callable[[], datetime],
    ):
        self._directory = directory
        self._credentials = credentials
        self._key = key
        self._own = own.public_bytes(Encoding.DER)
        self._authority = authority
        self._revoked = revoked
        self._clock = clock
        self._party = party_of(own)

    def __repr__(self) -> str:
        return f"<identity of {self._party}>"

    def refresh(self) -> None:
        """Be what the directory holds now; nothing changes while that is no identity.

        For a chain of this machine that was started again, and has other keys since.
        """
        try:
            fresh = load_identity(self._directory, self._clock)
        except InvalidIdentity:
            return
        if fresh._party != self._party:  # noqa: SLF001 - another one of us
            vars(self).update(vars(fresh))

    @property
    def party(self) -> Party:
        """Who we are."""
        return self._party

    @property
    def credentials(self) -> Credentials:
        """What TLS needs."""
        return self._credentials

    def check(self, certificate: x509.Certificate) -> Party:
        """Whose certificate it is. Raises ``Unauthorized`` for one that is not good (any more)."""
        require_issued(certificate, self._authority)
        party = party_of(certificate)
        require_unexpired(certificate, self._clock())
        if not self.still_member(party):
            raise Unauthorized(f"the certificate of {party} was revoked")
        return party

    def still_member(self, party: Party) -> bool:
        """Whether somebody who was found good has not been revoked since."""
        return party.serial not in self._revoked

    # Who calls -------------------------------------------------------------------------------

    def admit(self, certificate: bytes) -> Party:
        """Who has shown this certificate (PEM) in a handshake."""
        try:
            found = x509.load_pem_x509_certificate(certificate)
        except NO_CERTIFICATE:
            raise Unauthorized("it has shown no certificate") from None
        return self.check(found)

    def sign_welcome(self, welcome: Welcome, hello: Hello) -> Welcome:
        """The answer to ``hello``, with the proof of who gives it."""
        statement = proof.of_welcome(welcome.hop, hello.challenge, hello.caller)
        signature = proof.sign(self._key, statement)
        return replace(welcome, certificate=self._own, signature=signature)

    def sign_answer(self, answer: bytes, challenge: bytes, caller: Party) -> Proof:
        """The proof of who gives ``answer`` to the question of ``caller``."""
        statement = proof.of_answer(answer, challenge, caller.fingerprint)
        return Proof(self._own, proof.sign(self._key, statement))

    # Who answers -----------------------------------------------------------------------------

    def check_welcome(self, welcome: Welcome, hello: Hello) -> Party:
        """Who has answered our ``hello``: a node of the fleet with the name that it says."""
        statement = proof.of_welcome(welcome.hop, hello.challenge, self._party.fingerprint)
        party = self._check_proof(Proof(welcome.certificate, welcome.signature), statement)
        if party.name != welcome.hop.node:
            raise Unauthorized(f"{party} says that it is {welcome.hop.node}")
        return party

    def check_answer(self, answer: bytes, challenge: bytes, shown: Proof) -> Party:
        """Who has answered our question: a node of the fleet."""
        statement = proof.of_answer(answer, challenge, self._party.fingerprint)
        return self._check_proof(shown, statement)

    def _check_proof(self, shown: Proof, statement: bytes) -> Party:
        certificate = _from_der(shown.certificate)
        party = self.check(certificate)
        if party.role is not Role.NODE:
            raise Unauthorized(f"{party} answers as if it were a node")
        proof.require_signed(certificate.public_key(), statement, shown.signature)
        return party


def _from_der(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except NO_CERTIFICATE:
        raise Unauthorized("it does not prove who it is") from None
