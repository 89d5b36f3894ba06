"""An identity looked at from outside: everything that is wrong with one, without raising.

``load_identity`` refuses what is not good with its first reason; here is what a doctor asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from edgechain.errors import InvalidIdentity, Unauthorized
from edgechain.security.authority import read_certificate, read_key, require_pair
from edgechain.security.certificates import party_of, require_issued
from edgechain.security.files import read
from edgechain.security.identity import AUTHORITY, CERTIFICATE, KEY, REVOKED
from edgechain.security.revocation import read_list
from edgechain.spec.identity import Party

FILES = (KEY, CERTIFICATE, AUTHORITY, REVOKED)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in an identity's directory.

    ``exists`` and ``missing`` are about its files, ``open_mode`` is the key's mode where others
    may read it, ``problem`` the first file that is not what it should be. The rest is what the
    certificate says, where there is one.
    """

    directory: Path
    exists: bool = True
    missing: tuple[str, ...] = ()
    open_mode: int | None = None
    problem: str = ""
    party: Party | None = None
    issued: bool = False
    """Whether the authority beside it has signed it."""
    revoked: bool = False
    begins: datetime | None = None
    ends: datetime | None = None


def inspect_identity(directory: Path) -> Inspection:
    """Look at every file of an identity."""
    if not directory.is_dir():
        return Inspection(directory, exists=False)
    missing = tuple(name for name in FILES if not (directory / name).is_file())
    if missing:
        return Inspection(directory, missing=missing)
    mode = (directory / KEY).stat().st_mode & 0o777
    if mode & 0o077:
        return Inspection(directory, open_mode=mode)
    try:
        return _inspect_files(directory)
    except (InvalidIdentity, Unauthorized) as error:
        return Inspection(directory, problem=str(error))


def _inspect_files(directory: Path) -> Inspection:
    own = read_certificate(read(directory / CERTIFICATE), directory / CERTIFICATE)
    authority = read_certificate(read(directory / AUTHORITY), directory / AUTHORITY)
    require_pair(read_key(read(directory / KEY), directory / KEY), own, directory)
    party = party_of(own)
    issued = _is_issued(own, authority)
    revoked = False
    if issued:  # of another authority's certificates this list says nothing
        path = directory / REVOKED
        revoked = party.serial in read_list(read(path), authority, path)
    return Inspection(
        directory,
        party=party,
        issued=issued,
        revoked=revoked,
        begins=own.not_valid_before_utc,
        ends=own.not_valid_after_utc,
    )


def _is_issued(own: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        require_issued(own, authority)
    except Unauthorized:
        return False
    return True
