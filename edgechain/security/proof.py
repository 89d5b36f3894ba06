"""What is signed, so that a caller knows which node answers: pure, and the same on both sides.

TLS proves that both belong to the fleet, and gRPC does not tell a caller whose certificate it
saw. So the answerer signs the caller's challenge, with the fingerprint of the certificate that
the caller has shown: a node between two others cannot pass the answer on as its own.
"""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edgechain.errors import Unauthorized
from edgechain.spec.message import Hop

ALGORITHM = ec.ECDSA(hashes.SHA256())


def of_welcome(hop: Hop, challenge: bytes, caller: bytes) -> bytes:
    """What a node signs to be known as ``hop`` to the holder of the certificate ``caller``."""
    life = hop.incarnation.to_bytes(8, "big")
    return _joined(b"edgechain welcome", challenge, caller, hop.node.encode(), life)


def of_answer(answer: bytes, challenge: bytes, caller: bytes) -> bytes:
    """What a node signs under the answer to a question."""
    return _joined(b"edgechain answer", challenge, caller, sha256(answer).digest())


def _joined(*parts: bytes) -> bytes:
    """Each with its length: nothing can be moved from one to the next."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def sign(key: ec.EllipticCurvePrivateKey, statement: bytes) -> bytes:
    """A signature under a statement."""
    return key.sign(statement, ALGORITHM)


def require_signed(key: object, statement: bytes, signature: bytes) -> None:
    """Raise ``Unauthorized`` unless the key's holder signed this very statement."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Unauthorized("the certificate holds a key of another kind")
    try:
        key.verify(signature, statement, ALGORITHM)
    except InvalidSignature:
        raise Unauthorized("its signature does not answer our challenge") from None
