"""The revocations an identity knows of: a file that its authority signed, read again on change."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from cryptography import x509

from edgechain.errors import InvalidIdentity
from edgechain.security.certificates import NO_CERTIFICATE
from edgechain.security.files import read

_LOG = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


class Revocations:
    """Serial numbers that are good no more. A change of the file counts at the next question.

    A file that has gone, or is not one, changes nothing: what was revoked stays revoked.
    """

    def __init__(self, path: Path, authority: x509.Certificate):
        self._path = path
        self._authority = authority
        self._stamp = _stamp(path)
        self._serials = _serials(path, authority)

    def __contains__(self, serial: int) -> bool:
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        return serial in self._serials

    def _read_again(self) -> None:
        try:
            self._serials = _serials(self._path, self._authority)
        except InvalidIdentity as error:
            _LOG.warning("%s; what was revoked stays revoked", error)
            return
        _LOG.info("%d certificates are revoked", len(self._serials))


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - the same call on every Python we know
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _serials(path: Path, authority: x509.Certificate) -> frozenset[int]:
    """Raises ``InvalidIdentity`` for a list that is not the authority's."""
    return read_list(read(path), authority, path)


def read_list(data: bytes, authority: x509.Certificate, where: object) -> frozenset[int]:
    """The serial numbers in a list of revocations (PEM). Raises ``InvalidIdentity``."""
    try:
        found = x509.load_pem_x509_crl(data)
        signed = found.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (*NO_CERTIFICATE, TypeError):
        raise InvalidIdentity(f"{where} holds no list of revocations in PEM") from None
    if not signed:
        raise InvalidIdentity(f"{where} is not from the authority beside it")
    return frozenset(entry.serial_number for entry in found)
