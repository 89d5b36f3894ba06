"""The words of Profile to spec and back; the protobuf side of ``spec.profiling``.

What is decoded is a guest: anything that is not of ours raises ``ProtocolError``.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from pydantic import ValidationError

from edgechain.errors import ProtocolError
from edgechain.spec.document import first_mistake
from edgechain.spec.profiling import (
    MOST_PROFILE_BYTES,
    PIECE_BYTES,
    Accepted,
    Declined,
    Finished,
    NoKind,
    ProfileOrder,
    Word,
    Working,
)
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import clean


def encode_order(order: ProfileOrder) -> bytes:
    """The first word of who asks."""
    said = pb.ProfileOrder(
        model=order.model,
        size=order.size,
        sha256=bytes.fromhex(order.sha256),
        device=order.device,
        threads=order.threads or 0,
        interpreter=order.interpreter or "",
        seconds=order.seconds,
        nodes=order.nodes,
    )
    return bytes(pb.ProfileRequest(order=said).SerializeToString())


def encode_piece(piece: bytes) -> bytes:
    """Some bytes of the model."""
    return bytes(pb.ProfileRequest(piece=piece).SerializeToString())


def decode_order(message: bytes) -> ProfileOrder:
    """What is asked for."""
    try:
        said = pb.ProfileRequest.FromString(message).order
        return ProfileOrder(
            model=said.model,
            size=said.size,
            sha256=said.sha256.hex(),
            device=said.device,
            threads=said.threads or None,
            interpreter=said.interpreter or None,
            seconds=said.seconds,
            nodes=said.nodes,
        )
    except ValidationError as error:
        key, reason = first_mistake(error)
        raise ProtocolError(clean(f"the order's {key}: {reason}")) from error
    except DecodeError as error:
        raise ProtocolError("the first message is no order") from error


def decode_piece(message: bytes) -> bytes:
    """The next bytes of the model: at least one, at most ``PIECE_BYTES``."""
    try:
        piece = bytes(pb.ProfileRequest.FromString(message).piece)
    except DecodeError as error:
        raise ProtocolError("it is no piece of a model") from error
    if not 0 < len(piece) <= PIECE_BYTES:
        raise ProtocolError(f"a piece has {len(piece)} bytes, and 1 to {PIECE_BYTES} are wanted")
    return piece


def encode_word(word: Word) -> bytes:
    """What a node says."""
    match word:
        case Accepted(node):
            reply = pb.ProfileReply(accepted=pb.ProfileAccepted(node=node))
        case Working(what, done, total):
            working = pb.ProfileWorking(what=what, done=done, total=total)
            reply = pb.ProfileReply(working=working)
        case Finished(profile):
            reply = pb.ProfileReply(profile=profile)
        case Declined(kind, reason):
            declined = pb.ProfileDeclined(kind=kind.value, reason=clean(reason))
            reply = pb.ProfileReply(declined=declined)
    return bytes(reply.SerializeToString())


def decode_word(message: bytes) -> Word:
    """What a node has said. Raises ``ProtocolError``."""
    try:
        if len(message) > MOST_PROFILE_BYTES:
            raise ValueError("longer than any word of ours")
        return _word(pb.ProfileReply.FromString(message))
    except (DecodeError, ValueError) as error:
        raise ProtocolError(f"its answer of {len(message)} bytes is not one of ours") from error


def _word(reply: pb.ProfileReply) -> Word:
    match reply.WhichOneof("kind"):
        case "accepted":
            return Accepted(clean(reply.accepted.node))
        case "working":
            working = reply.working
            return Working(clean(working.what), working.done, working.total)
        case "profile":
            return Finished(reply.profile)
        case "declined":
            return Declined(NoKind(reply.declined.kind), clean(reply.declined.reason))
    raise ValueError("it says nothing")
