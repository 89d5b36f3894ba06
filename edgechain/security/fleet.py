"""A fleet's directory: its authority under ``fleet/``, one directory per identity beside it.

    DIR/fleet/authority.key       whoever has it decides who belongs to the fleet
    DIR/fleet/authority.pem       what every member knows
    DIR/fleet/revoked.crl         whose certificates are good no more
    DIR/fleet/issued/             every certificate ever issued
    DIR/identities/NAME/          what a board or a laptop gets: copied as a whole

Git ignores both folders. Everything is written beside its place and renamed into it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edgechain.errors import InvalidIdentity, Unauthorized
from edgechain.security.authority import (
    Authority,
    Issued,
    read_certificate,
    read_key,
    require_pair,
    today,
)
from edgechain.security.certificates import party_of
from edgechain.security.files import read, write_directory, write_file
from edgechain.security.identity import AUTHORITY, CERTIFICATE, REVOKED, write_identity
from edgechain.security.revocation import read_list
from edgechain.spec.identity import Party
from edgechain.spec.ids import as_name
from edgechain.spec.message import Role

AUTHORITY_KEY = "authority.key"
ISSUED = "issued"
GIT_IGNORES = {".gitignore": b"*\n"}


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
            if held.role is not role:
                reason = f"{name} is a {held.role}'s name already; give the {role} another one"
                raise InvalidIdentity(reason)
            if held.serial not in self._revoked:
                return path, False
        self._write(path, self._authority.issue(role, name, self._clock()))
        return path, True

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
        note = self._fleet / ISSUED / f"{issued.name}-{issued.serial:x}.pem"
        write_file(note, issued.certificate)
        self._identities.mkdir(mode=0o700, exist_ok=True)
        for name, data in GIT_IGNORES.items():
            write_file(self._identities / name, data)
        revoked = read(self._fleet / REVOKED)
        write_identity(path, issued, self._authority.certificate, revoked)

    # Revocation ------------------------------------------------------------------------------

    def revoke(self, names: tuple[str, ...]) -> tuple[int, tuple[Path, ...]]:
        """Every certificate of these names is good no more.

        How many that are, and the lists to be copied: every identity that is kept here has one.
        """
        issued = self._issued()
        unknown = [name for name in names if not any(p.name == name for p in issued)]
        if unknown:
            known = ", ".join(sorted({party.name for party in issued})) or "nobody"
            raise InvalidIdentity(f"no identity was issued to {unknown[0]!r}; known: {known}")
        before = self._revoked
        after = before | {party.serial for party in issued if party.name in names}
        data = self._authority.revoke(after)
        write_file(self._fleet / REVOKED, data)
        return len(after - before), tuple(self._spread(data))

    def _issued(self) -> tuple[Party, ...]:
        found = sorted((self._fleet / ISSUED).glob("*.pem"))
        return tuple(party_of(read_certificate(read(path), path)) for path in found)

    def _spread(self, data: bytes) -> list[Path]:
        lists = [path.parent / REVOKED for path in self._identities.glob(f"*/{CERTIFICATE}")]
        for path in lists:
            write_file(path, data)
        return sorted(lists)
