"""The signature under what is flashed: ECDSA P-256 by the fleet's authority, over the bytes.

Runnable, so that a device checks a bundle with code that it trusts already::

    python -m edgechain.security.signature --authority authority.pem bundle.json bundle.sig

Exit status 0 when the authority signed exactly these bytes, else 1 with one line on stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from edgechain.errors import EdgechainError, InvalidBundle, InvalidIdentity
from edgechain.security.authority import read_certificate
from edgechain.security.files import read
from edgechain.security.proof import ALGORITHM


def require_signature(authority: bytes, data: bytes, signature: bytes) -> None:
    """Raise ``InvalidBundle`` unless the holder of the authority's key signed exactly ``data``.

    ``authority`` is its certificate in PEM, ``signature`` is DER. Raises ``InvalidIdentity``
    when the certificate is none, or holds a key of another kind.
    """
    key = read_certificate(authority, "the authority's certificate").public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidIdentity("the authority's certificate holds another key than ECDSA P-256")
    try:
        key.verify(signature, data, ALGORITHM)
    except InvalidSignature:
        reason = "not what this fleet's authority signed: it was changed, or is another fleet's"
        raise InvalidBundle(reason) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a signature; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        authority, listing, signature = map(
            read, (options.authority, options.listing, options.signature)
        )
        require_signature(authority, listing, signature)
    except EdgechainError as error:
        sys.stderr.write(f"{options.listing}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edgechain.security.signature",
        description="Whether the fleet's authority signed a bundle's listing.",
    )
    parser.add_argument("--authority", type=Path, required=True, help="its certificate (PEM)")
    parser.add_argument("listing", type=Path, help="bundle.json")
    parser.add_argument("signature", type=Path, help="bundle.sig (DER)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
