"""A fleet's directory: its authority under ``fleet/``, one directory per identity beside it.

    DIR/fleet/authority.key       whoever has it decides who belongs to the fleet
    DIR/fleet/authority.pem       what every member knows
    DIR/fleet/revoked.crl         whose certificates are good no more
    DIR/fleet/issued/             every certificate ever issued
    DIR/identities/NAME/          what a board or a laptop gets: copied as a whole

Git ignores both folders. Everything is written beside its place and renamed into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from edgechain.errors import InvalidBundle, InvalidIdentity, Unauthorized
from edgechain.security.authority import (
    PEM,
    Authority,
    Issued,
    read_certificate,
    read_key,
    require_pair,
    today,
)
from edgechain.security.certificates import party_of
from edgechain.security.files import read, remove_directory, write_directory, write_file
from edgechain.security.identity import AUTHORITY, CERTIFICATE, KEY, REVOKED, write_identity
from edgechain.security.request import read_request
from edgechain.security.revocation import read_list
from edgechain.security.signature import require_signature
from edgechain.spec.identity import Party
from edgechain.spec.ids import as_name
from edgechain.spec.message import Role

AUTHORITY_KEY = "authority.key"
ISSUED = "issued"
GIT_IGNORES = {".gitignore": b"*\n"}

RENEWAL = timedelta(days=366)
"""A certificate that ends within this time is replaced when its holder is flashed."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What makes the holder of a key a member of the fleet, in PEM; nothing of it is secret."""

    authority: bytes
    certificate: bytes
    revoked: bytes


class FleetDirectory:
    """The authority of a fleet on this machine. Raises ``InvalidIdentity``."""

    def __init__(self, directory: Path, clock: Callable[[], datetime] = today):
        self._fleet = directory / "fleet"
        self._identities = directory / "identities"
        self._clock = clock
        self._authority = self._read_authority()

    @classmethod
    def make(cls, directory: Path) -> None:
        """A new fleet in this directory, unless one is there."""
        if (directory / "fleet").exists():
            return
        authority = Authority.new(as_name(directory.resolve().name))
        files = {
            AUTHORITY_KEY: authority.key,
            AUTHORITY: authority.certificate,
            REVOKED: authority.revoke(()),
            f"{ISSUED}/.keep": b"",
        }
        write_directory(directory / "fleet", GIT_IGNORES | files)

    def _read_authority(self) -> Authority:
        if not self._fleet.is_dir():
            reason = "there is no fleet here; `edgechain init` makes one"
            raise InvalidIdentity(f"{self._fleet.parent}: {reason}")
        certificate = self._fleet / AUTHORITY
        key = self._fleet / AUTHORITY_KEY
        if not key.exists():
            reason = "is missing; only the machine that made the fleet has it"
            raise InvalidIdentity(f"{key} {reason}")
        pair = read_key(read(key), key), read_certificate(read(certificate), certificate)
        require_pair(*pair, self._fleet)
        return Authority(*pair)

    @property
    def _revoked(self) -> frozenset[int]:
        path = self._fleet / REVOKED
        known = read_certificate(self._authority.certificate, self._fleet)
        return read_list(read(path), known, path)

    # Identities ------------------------------------------------------------------------------

    def provide(self, role: Role, name: str) -> tuple[Path, bool]:
        """Where the identity of this name is, and whether it is new.

        One that was revoked is replaced. A name belongs to a node or to a client, not to both.
        """
        path = self._identities / name
        if path.exists():
            held = self._held(path)
            _require_role(role, name, (held,))
            if held.serial not in self._revoked:
                return path, False
        self._write(path, self._authority.issue(role, name, self._clock()))
        return path, True

    def client(self) -> Path:
        """Where the identity of a client of this machine is: the first by name that is good."""
        for path in sorted(self._identities.glob("*")):
            if (path / KEY).is_file():
                held = self._held(path)
                if held.role is Role.CLIENT and held.serial not in self._revoked:
                    return path
        reason = "no client has an identity here; `edgechain init` with --client makes one"
        raise InvalidIdentity(f"{self._identities}: {reason}")

    def role_of(self, name: str) -> Role | None:
        """Whether a node or a client has this name now."""
        path = self._identities / name
        return self._held(path).role if path.exists() else None

    def _held(self, path: Path) -> Party:
        certificate = path / CERTIFICATE
        try:
            return party_of(read_certificate(read(certificate), certificate))
        except Unauthorized as error:
            raise InvalidIdentity(f"{certificate}: {error}") from None

    def _write(self, path: Path, issued: Issued) -> None:
        """Note it first: what nobody knows of cannot be revoked."""
        self._note(issued.name, read_certificate(issued.certificate, "a new identity"))
        self._identities.mkdir(mode=0o700, exist_ok=True)
        for name, data in GIT_IGNORES.items():
            write_file(self._identities / name, data)
        revoked = read(self._fleet / REVOKED)
        write_identity(path, issued, self._authority.certificate, revoked)

    def _note(self, name: str, certificate: x509.Certificate) -> None:
        note = self._fleet / ISSUED / f"{name}-{certificate.serial_number:x}.pem"
        write_file(note, certificate.public_bytes(PEM))

    # What devices ask for --------------------------------------------------------------------

    def certify(
        self, request: bytes, role: Role, name: str, *, replace: bool = False
    ) -> Membership:
        """What the holder of the key in a signing request (PEM) is to have, to be ``name``.

        The same certificate again for a key that has one. A name whose certificate is for another
        key, say that of the same board before its card was written anew, is refused, or with
        ``replace`` revoked first. One whose key is kept here counts until ``retire``.
        """
        asked, key = read_request(request)
        if asked != name:
            raise InvalidIdentity(f"the device asks to be {asked!r}, and it is flashed as {name!r}")
        held = self._good(name)
        _require_role(role, name, (party for party, _ in held))
        kept = self._kept(name)
        held = [(party, found) for party, found in held if party.serial != kept]
        if any(found.public_key() != key for _, found in held):
            if not replace:
                reason = "has a certificate for another key already; if that key is lost, say"
                what = "`edgechain flash --new-key`, which revokes it"
                raise InvalidIdentity(f"{name} {reason} {what}")
            self.revoke((name,))
            held = []
        lasting = [found for _, found in held if self._lasts(found)]
        if not lasting:
            lasting = [self._authority.certify(key, (role, name), self._clock())]
            self._note(name, lasting[0])
        certificate = lasting[-1].public_bytes(PEM)
        return Membership(self._authority.certificate, certificate, read(self._fleet / REVOKED))

    @property
    def revocations(self) -> bytes:
        """The list of who is out, as members have it."""
        return read(self._fleet / REVOKED)

    def retire(self, name: str) -> bool:
        """A node has a key of its own: the one that was made for it here is revoked, and removed.

        False where there is none, or where it is the only one that is good: then it stays.
        """
        kept = self._kept(name)
        if kept is None or not any(party.serial != kept for party, _ in self._good(name)):
            return False
        data = self._authority.revoke(self._revoked | {kept})
        write_file(self._fleet / REVOKED, data)
        remove_directory(self._identities / name)
        self._spread(data)
        return True

    def _kept(self, name: str) -> int | None:
        """The serial of a node's certificate whose key is on this machine."""
        path = self._identities / name
        if not (path / KEY).exists():
            return None
        held = self._held(path)
        return held.serial if held.role is Role.NODE else None

    def sign(self, data: bytes) -> bytes:
        """The authority's signature (DER) under what is flashed."""
        return self._authority.sign(data)

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Whether a signature (DER) under ``data`` is this authority's."""
        try:
            require_signature(self._authority.certificate, data, signature)
        except InvalidBundle:
            return False
        return True

    def _good(self, name: str) -> list[tuple[Party, x509.Certificate]]:
        """The certificates of a name that are neither revoked nor over."""
        revoked, now = self._revoked, self._clock()
        return [
            (party, found)
            for party, found in self._issued()
            if party.name == name
            and party.serial not in revoked
            and found.not_valid_after_utc > now
        ]

    def _lasts(self, certificate: x509.Certificate) -> bool:
        return certificate.not_valid_after_utc > self._clock() + RENEWAL

    # Revocation ------------------------------------------------------------------------------

    def revoke(self, names: tuple[str, ...]) -> tuple[int, tuple[Path, ...]]:
        """Every certificate of these names is good no more.

        How many that are, and the lists to be copied: every identity that is kept here has one.
        """
        issued = [party for party, _ in self._issued()]
        unknown = [name for name in names if not any(p.name == name for p in issued)]
        if unknown:
            known = ", ".join(sorted({party.name for party in issued})) or "nobody"
            raise InvalidIdentity(f"no identity was issued to {unknown[0]!r}; known: {known}")
        before = self._revoked
        after = before | {party.serial for party in issued if party.name in names}
        data = self._authority.revoke(after)
        write_file(self._fleet / REVOKED, data)
        return len(after - before), tuple(self._spread(data))

    def _issued(self) -> list[tuple[Party, x509.Certificate]]:
        paths = sorted((self._fleet / ISSUED).glob("*.pem"))
        found = [read_certificate(read(path), path) for path in paths]
        return [(party_of(certificate), certificate) for certificate in found]

    def _spread(self, data: bytes) -> list[Path]:
        lists = [path.parent / REVOKED for path in self._identities.glob(f"*/{CERTIFICATE}")]
        for path in lists:
            write_file(path, data)
        return sorted(lists)


def _require_role(role: Role, name: str, held: Iterable[Party]) -> None:
    for party in held:
        if party.role is not role:
            reason = f"{name} is a {party.role}'s name already; give the {role} another one"
            raise InvalidIdentity(reason)
