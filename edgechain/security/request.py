"""A device's request for a certificate: its key is made where it stays, and never leaves.

Runnable on the device::

    python -m edgechain.security.request --name pi-a DIRECTORY

makes ``DIRECTORY/identity.key`` (mode 0600) unless there is one, and prints a certificate signing
request in PEM for it (RFC 2986). The key is printed nowhere, and stands in no error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edgechain.errors import EdgechainError, InvalidIdentity
from edgechain.security.authority import PEM, key_bytes, read_key
from edgechain.security.certificates import NO_CERTIFICATE, named, new_key
from edgechain.security.files import read, write_file
from edgechain.security.identity import KEY
from edgechain.spec.ids import is_name


def request_certificate(directory: Path, name: str) -> bytes:
    """A signing request (PEM) for the key in ``directory``, which is made if it is not there.

    Raises ``InvalidIdentity`` when the key there cannot be used, or the name be given.
    """
    if not is_name(name):
        raise InvalidIdentity(f"{name!r} cannot be a node's name")
    key = _own_key(directory)
    builder = x509.CertificateSigningRequestBuilder(subject_name=named(name))
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def _own_key(directory: Path) -> ec.EllipticCurvePrivateKey:
    path = directory / KEY
    if not path.exists():
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidIdentity(f"{directory} cannot be made: {error.strerror}") from error
        write_file(path, key_bytes(new_key()))
    return read_key(read(path), path)


def read_request(data: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """The name and the key of a signing request (PEM) that was signed with that very key.

    Raises ``InvalidIdentity``.
    """
    try:
        request = x509.load_pem_x509_csr(data)
        signed = request.is_signature_valid
        key = request.public_key()
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (*NO_CERTIFICATE, UnsupportedAlgorithm):
        raise InvalidIdentity("the device sent no certificate signing request in PEM") from None
    if not signed:
        raise InvalidIdentity("the signing request is not signed with the key that it shows")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidIdentity("the signing request is for another key than ECDSA P-256")
    texts = [str(name.value) for name in names]
    if len(texts) != 1 or not is_name(texts[0]):
        raise InvalidIdentity("the signing request does not say one node's name")
    return texts[0], key


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a signing request; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        request = request_certificate(options.directory, options.name)
    except EdgechainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(request.decode())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edgechain.security.request",
        description="Make this device's key if it has none, and print a request for a certificate.",
    )
    parser.add_argument("--name", required=True, help="the node's, as in its configuration")
    parser.add_argument("directory", type=Path, help="where the key is, or is to be")
    return parser


if __name__ == "__main__":
    sys.exit(main())
