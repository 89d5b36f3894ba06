"""Short questions to a node, and their answers, signed by the node that gives them."""

from __future__ import annotations

import secrets
from typing import Any

import grpc
import grpc.aio

from edgechain.errors import PeerRefused, Unauthorized, Unavailable
from edgechain.spec.identity import LinkSecurity, Party, Proof
from edgechain.spec.printable import one_line
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import clean
from edgechain.transport.grpc_options import MANIFEST, STATUS
from edgechain.transport.secure import (
    CHALLENGE_BYTES,
    LEAST_CHALLENGE_BYTES,
    caller_of,
    handshake_verdict,
    hang_up,
    open_channel,
)

ANSWER_SECONDS = 5.0

CHALLENGE = "edgechain-challenge-bin"
CERTIFICATE = "edgechain-certificate-bin"
SIGNATURE = "edgechain-signature-bin"
"""Metadata, which leaves the messages what they are."""


async def fetch_status(
    address: str, seconds: float = ANSWER_SECONDS, *, security: LinkSecurity | None
) -> str:
    """Ask a node how it is; JSON of ``NodeStatus``. Raises ``Unavailable`` or ``Unauthorized``."""
    reply = await _ask(address, STATUS, pb.StatusRequest(), seconds, security)
    return str(pb.StatusReply.FromString(reply).json)


async def fetch_manifest(
    address: str, seconds: float = ANSWER_SECONDS, *, security: LinkSecurity | None
) -> str:
    """Ask a node for its manifest; YAML. Raises ``Unavailable`` or ``Unauthorized``."""
    reply = await _ask(address, MANIFEST, pb.ManifestRequest(), seconds, security)
    return str(pb.ManifestReply.FromString(reply).yaml)


async def _ask(
    address: str, method: str, request: Any, seconds: float, security: LinkSecurity | None
) -> bytes:
    answer, _ = await ask(address, method, request.SerializeToString(), seconds, security)
    return answer


async def ask(
    address: str, method: str, request: bytes, seconds: float, security: LinkSecurity | None
) -> tuple[bytes, Party | None]:
    """A question's answer, and who gives it. Raises ``Unavailable`` or ``Unauthorized``."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    async with open_channel(address, security) as channel:
        try:
            call = channel.unary_unary(method)(
                request, timeout=seconds, metadata=((CHALLENGE, challenge),)
            )
            answer = bytes(await call)
            if security is None:
                return answer, None
            shown = shown_in(await call.trailing_metadata())
            return answer, security.check_answer(answer, challenge, shown)
        except Unauthorized as error:
            raise Unauthorized(f"{address}: {error}") from error
        except grpc.RpcError as error:
            raise call_failure(address, error, security) from error


def shown_in(metadata: Any) -> Proof:
    """The proof in a call's metadata; an empty one where there is none."""
    found = {key: value for key, value in metadata or () if isinstance(value, bytes)}
    return Proof(found.get(CERTIFICATE, b""), found.get(SIGNATURE, b""))


def call_failure(address: str, error: Exception, security: LinkSecurity | None) -> Exception:
    """What a call that failed means: ``Unauthorized`` or ``Unavailable``."""
    if isinstance(error, grpc.aio.AioRpcError):
        if error.code() is grpc.StatusCode.PERMISSION_DENIED:
            return Unauthorized(f"{address} refused us: {said(error)}")
        detail = error.details() or ""
        if verdict := handshake_verdict(detail) or hang_up(detail, security):
            return Unauthorized(f"{address}: {verdict}")
    return Unavailable(address, f"the node does not answer: {said(error)}")


def too_old(who: str, error: BaseException | None) -> PeerRefused | None:
    """The refusal of a node that has never heard of what it was asked."""
    code = error.code() if isinstance(error, grpc.aio.AioRpcError) else None
    if code is not grpc.StatusCode.UNIMPLEMENTED:
        return None
    return PeerRefused(f"{who} runs a version of edgechain that cannot do this; update it there")


def said(error: Exception) -> str:
    """What gRPC or the peer says about a failed call, as one clean line."""
    detail = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
    if "onnection refused" in (detail or ""):
        return "connection refused"
    return clean(one_line(detail or ""))


# The answering side ------------------------------------------------------------------------------


def signed_answer(context: Any, security: LinkSecurity | None, words: bytes) -> bytes:
    """The answer to a question, signed. Raises ``Unauthorized`` where the asker is no member."""
    if security is not None:
        party = caller_of(context, security)
        context.set_trailing_metadata(_proof_of(context, security, words, party))
    return words


async def prove_first(context: Any, security: LinkSecurity, words: bytes, party: Party) -> None:
    """Prove to ``party`` who says the first words of a stream, before they are said.

    Raises ``Unauthorized`` where it has sent no challenge.
    """
    await context.send_initial_metadata(_proof_of(context, security, words, party))


def _proof_of(
    context: Any, security: LinkSecurity, words: bytes, party: Party
) -> tuple[tuple[str, bytes], ...]:
    proof = security.sign_answer(words, _challenge(context), party)
    return (CERTIFICATE, proof.certificate), (SIGNATURE, proof.signature)


def _challenge(context: Any) -> bytes:
    for key, value in context.invocation_metadata() or ():
        if key == CHALLENGE and len(value) >= LEAST_CHALLENGE_BYTES:
            return bytes(value)
    raise Unauthorized("the question comes without a challenge")
