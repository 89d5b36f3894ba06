"""A fleet, and those who are not in it or not what they say: what each of them shows and claims."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography import x509

from edgechain.security import certificates
from edgechain.security.authority import PEM, Authority, Issued, key_bytes, today
from edgechain.security.certificates import BEGINNING, identity_certificate, new_key, party_of
from edgechain.security.fleet import FleetDirectory
from edgechain.security.identity import Identity, load_identity, write_identity
from edgechain.spec.identity import Credentials, Party, Proof
from edgechain.spec.message import Hello, Role, Welcome

ASKED = "pi-a"
"""The node that strangers knock at, and that knocks at strangers."""


class Brazen:
    """An identity that asks nobody for proof: what a stranger would run.

    It is known as ``identity``, and says that it is ``name``. ``authority`` is whom it lets TLS
    believe; with ``bare`` it shows no certificate.
    """

    def __init__(self, identity: Identity, authority: bytes, *, bare: bool = False):
        self._identity = identity
        self._authority = authority
        self._bare = bare

    @property
    def party(self) -> Party:
        return self._identity.party

    @property
    def credentials(self) -> Credentials:
        shown = replace(self._identity.credentials, authority=self._authority)
        nothing: Any = None
        return replace(shown, key=nothing, certificate=nothing) if self._bare else shown

    def admit(self, certificate: bytes) -> Party:
        return party_of(x509.load_pem_x509_certificate(certificate))

    def sign_welcome(self, welcome: Welcome, hello: Hello) -> Welcome:
        return self._identity.sign_welcome(welcome, hello)

    def check_welcome(self, welcome: Welcome, hello: Hello) -> Party:
        return self._identity.party

    def sign_answer(self, answer: bytes, challenge: bytes, caller: Party) -> Proof:
        return self._identity.sign_answer(answer, challenge, caller)

    def check_answer(self, answer: bytes, challenge: bytes, shown: Proof) -> Party:
        return self._identity.party

    def still_member(self, party: Party) -> bool:
        return True


@dataclass(frozen=True)
class Stranger:
    """Somebody at the door: what it shows, what it says it is, and what a node says of it.

    ``knocking`` is what has to be in the log of the node it calls, ``answering`` in that of one
    that calls it, as a pattern; empty where it cannot do that.
    """

    kind: str
    security: Brazen | None
    role: Role
    name: str
    knocking: str = ""
    answering: str = ""

    @property
    def is_member(self) -> bool:
        """Whether it only lies in what it says: its questions are a member's."""
        return "cannot speak as" in self.knocking


@dataclass(frozen=True)
class Fleet:
    """A fleet on disk whose node ``pi-b`` is about to be revoked."""

    folder: Path
    directory: FleetDirectory = field(init=False)

    def __post_init__(self) -> None:
        FleetDirectory.make(self.folder)
        directory = FleetDirectory(self.folder)
        for name in (ASKED, "pi-b", "pi-c"):
            directory.provide(Role.NODE, name)
        directory.provide(Role.CLIENT, "laptop")
        object.__setattr__(self, "directory", directory)

    def member(self, name: str) -> Identity:
        """One of its identities."""
        return load_identity(self.path(name))

    def path(self, name: str) -> Path:
        """Where it is."""
        return self.folder / "identities" / name

    def strangers(self) -> list[Stranger]:
        """One of each kind, made before ``pi-b`` is revoked, which this does."""
        root = self.member(ASKED).credentials.authority
        b, c, laptop = (Brazen(self.member(name), root) for name in ("pi-b", "pi-c", "laptop"))
        bare = Brazen(self.member("pi-c"), root, bare=True)
        foreign, late = Brazen(self._foreign(), root), Brazen(self._expired(), root)
        self.directory.revoke(("pi-b",))
        node, foreigner = Role.NODE, "it belongs to another fleet"
        revoked = "the certificate of node pi-b was revoked"
        tls = "WRONG_VERSION_NUMBER", "(it was started insecure|it hung up in the handshake)"
        issuer = "unable to get local issuer certificate"
        end = "certificate has expired", "its certificate has expired"
        name = "node pi-c cannot speak as pi-d", "node pi-c says that it is pi-d"
        role = "client laptop cannot speak as a node", "its certificate is a client's"
        return [
            Stranger("without TLS", None, node, "pi-c", *tls),
            Stranger("no certificate", bare, node, "pi-c", "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
            Stranger("another authority", foreign, node, "pi-c", issuer, foreigner),
            Stranger("expired", late, node, "pi-c", *end),
            Stranger("another's name", c, node, "pi-d", *name),
            Stranger("a client as node", laptop, node, "laptop", *role),
            Stranger("revoked", b, node, "pi-b", revoked, revoked),
        ]

    def young(self, name: str) -> Identity:
        """A node's identity that is good from today on, and not before."""
        authority = self.directory._authority
        with mock.patch.object(certificates, "BEGINNING", today()):
            issued = authority.issue(Role.NODE, name, today())
        return self._write("young", authority, issued)

    def _foreign(self) -> Identity:
        elsewhere = Authority.new("elsewhere")
        return self._write("foreign", elsewhere, elsewhere.issue(Role.NODE, "pi-c", today()))

    def _expired(self) -> Identity:
        until = datetime.now(UTC) - timedelta(days=1)
        authority = self.directory._authority
        issued, key = authority.issue(Role.NODE, "pi-c", today()), new_key()
        root = x509.load_pem_x509_certificate(authority.certificate)
        party = (Role.NODE, "pi-c")
        made = identity_certificate(authority._key, root, key.public_key(), party, until)
        issued = replace(issued, certificate=made.public_bytes(PEM), key=key_bytes(key))
        return self._write("expired", authority, issued)

    def _write(self, label: str, authority: Authority, issued: Issued) -> Identity:
        path = self.folder / "strangers" / label
        write_identity(path, issued, authority.certificate, authority.revoke(()))
        return load_identity(path, clock=lambda: BEGINNING)
