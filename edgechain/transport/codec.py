"""Frames to spec and back: the only place that knows the protobuf messages.

A chunk is joined and taken apart by hand (header first, data last), which is still plain
protobuf to any other language and five times cheaper. Everything decoded is a guest: what is
not a frame of ours raises ``ProtocolError`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from edgechain.errors import ProtocolError
from edgechain.spec.chain import MAX_STAGES
from edgechain.spec.ids import ClientId, Generation, Incarnation, RequestKey
from edgechain.spec.message import (
    Beat,
    Bye,
    Cancel,
    Chunk,
    Control,
    Failure,
    FailureKind,
    Hello,
    Hop,
    Lease,
    Leased,
    RefusalKind,
    Refused,
    Released,
    Role,
    Route,
    Superseded,
    TensorSend,
    Welcome,
)
from edgechain.spec.printable import printable
from edgechain.spec.tensor import MAX_RANK
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.packing import pack

_HEADER_TAG = 0x0A  # field 1, length-delimited
_DATA_TAG = 0x12  # field 2, length-delimited
_TOGETHER_TAG = 0x22  # field 4, length-delimited
GENERATION_BYTES = 32
CLIENT_BYTES = 16
MAX_PROOF_BYTES = 8192
"""A certificate of ours has about 600 bytes, a signature 72."""

MAX_TEXT = 512
"""Names and reasons from the network are cut to this many characters."""


KNOWN = 256
"""Routes and hops that are remembered: the same few come with every request."""


_PACKED: bytes = pb.ChunkHeader(packed=True).SerializeToString()
"""What a header says on top where its chunk is packed."""


def encode_chunk(send: TensorSend, offset: int, size: int, budget: float) -> bytes:
    """One chunk of a tensor as a frame: one copy of the data, or the data packed."""
    header = pb.ChunkHeader(
        key=_key_out(send.key),
        tensor=send.tensor,
        offset=offset,
        total=len(send.payload),
        budget_us=int(budget * 1e6),
    )
    head = header.SerializeToString()
    if offset == 0:
        head += _beginning(send.shape, send.route)
    raw = send.payload[offset : offset + size]
    data: memoryview | bytes = raw
    if send.packed and len(smaller := pack(raw)) < len(raw):
        head, data = head + _PACKED, smaller
    prefix = b"".join((b"\x0a", _varint(len(head)), head, b"\x12", _varint(len(data))))
    return b"".join((prefix, data))


@lru_cache(KNOWN)
def _beginning(shape: tuple[int, ...], route: Route) -> bytes:
    """What a tensor's first header says on top: protobuf takes messages one behind the other."""
    header = pb.ChunkHeader(shape=shape, route=map(_hop_out, route))
    return bytes(header.SerializeToString())


def encode_control(control: Control) -> bytes:
    """A control message as a frame."""
    field, write = _WRITERS[type(control)]
    return bytes(pb.Frame(control=pb.Control(**{field: write(control)})).SerializeToString())


def join(frames: Sequence[bytes]) -> bytes:
    """Several frames as one: a gRPC message costs more than a small frame does."""
    if len(frames) == 1:
        return frames[0]
    return b"".join(part for one in frames for part in (b"\x22", _varint(len(one)), one))


def decode_all(frame: bytes) -> Iterator[Chunk | Control]:
    """What a frame says, or the frames joined in it, one after the other.

    Raises ``ProtocolError`` when it comes to one that is none of ours.
    """
    if frame[:1] != b"\x22":
        yield decode(frame)
        return
    at = 0
    while at < len(frame):
        try:
            if frame[at] != _TOGETHER_TAG:
                raise ValueError("something else than frames between frames")
            size, start = _read_varint(frame, at + 1)
        except (ValueError, IndexError) as error:
            raise ProtocolError(f"{len(frame)} bytes of frames are torn") from error
        at = start + size
        if at > len(frame):
            raise ProtocolError(f"{len(frame)} bytes of frames are torn")
        yield decode(frame[start:at])


def decode(frame: bytes) -> Chunk | Control:
    """A single frame as what it says. Raises ``ProtocolError`` when it is none of ours."""
    try:
        if frame[:1] == b"\x0a":
            return _decode_chunk(frame)
        return _decode_control(pb.Frame.FromString(frame))
    except (DecodeError, ValueError, IndexError, KeyError, OverflowError, UnicodeError) as error:
        raise ProtocolError(f"a frame of {len(frame)} bytes is not one of ours") from error


def _decode_chunk(frame: bytes) -> Chunk:
    view = memoryview(frame)
    size, start = _read_varint(frame, 1)
    header = pb.ChunkHeader.FromString(frame[start : start + size])
    end = start + size
    data = view[:0]
    if end != len(frame):
        if frame[end] != _DATA_TAG:
            raise ValueError("something else than data follows the header")
        length, start = _read_varint(frame, end + 1)
        data = view[start:]
        if len(data) != length:
            raise ValueError("data is not as long as it says")
    return Chunk(
        key=_key_in(header.key),
        tensor=header.tensor,
        offset=header.offset,
        total=header.total,
        budget=header.budget_us / 1e6,
        shape=tuple(_at_most(MAX_RANK, header.shape)),
        route=tuple([_hop_in(h.node, h.incarnation) for h in _at_most(MAX_STAGES, header.route)]),
        data=data,
        packed=header.packed,
    )


def _decode_control(frame: Any) -> Control:
    kind = frame.control.WhichOneof("kind")
    if kind is None or frame.data or frame.HasField("header"):
        raise ValueError("neither a chunk nor control")
    return _READERS[kind](getattr(frame.control, kind))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 35:
            raise ValueError("a length without end")


def clean(text: str) -> str:
    """A name or reason from the network, fit for a log or a terminal."""
    return printable(text[:MAX_TEXT])


def _at_most(count: int, items: Any) -> Any:
    """A list from the network, judged before anything is made of it."""
    if len(items) > count:
        raise ValueError(f"a list has {len(items)} entries, more than {count}")
    return items


def _sized(data: bytes, size: int) -> str:
    if len(data) != size:
        raise ValueError(f"an id has {len(data)} bytes, not {size}")
    return data.hex()


def _short(data: bytes) -> bytes:
    """A certificate, a signature or a challenge, judged by its length."""
    if len(data) > MAX_PROOF_BYTES:
        raise ValueError(f"a proof of {len(data)} bytes")
    return data


def _key_out(key: RequestKey) -> Any:
    return pb.RequestKey(
        generation=bytes.fromhex(key.generation),
        client=bytes.fromhex(key.client),
        session=key.session,
        sequence=key.sequence,
        attempt=key.attempt,
    )


def _key_in(key: Any) -> RequestKey:
    return RequestKey(
        Generation(_sized(key.generation, GENERATION_BYTES)),
        ClientId(_sized(key.client, CLIENT_BYTES)),
        key.session,
        key.sequence,
        key.attempt,
    )


def _hop_out(hop: Hop) -> Any:
    return pb.Hop(node=hop.node, incarnation=hop.incarnation)


@lru_cache(KNOWN)
def _hop_in(node: str, incarnation: int) -> Hop:
    return Hop(clean(node), Incarnation(incarnation))


def _hello_out(hello: Hello) -> Any:
    return pb.Hello(
        version=hello.version,
        role=hello.role,
        name=hello.name,
        namespace=hello.namespace,
        chain=hello.chain,
        generation=bytes.fromhex(hello.generation or ""),
        client=bytes.fromhex(hello.client or ""),
        session=hello.session,
        want_slots=hello.want_slots,
        challenge=hello.challenge,
    )


def _hello_in(hello: Any) -> Hello:
    role = Role(hello.role)
    generation = _sized(hello.generation, GENERATION_BYTES) if hello.generation else None
    client = _sized(hello.client, CLIENT_BYTES) if role is Role.CLIENT else None
    return Hello(
        role=role,
        name=clean(hello.name),
        namespace=clean(hello.namespace),
        chain=clean(hello.chain),
        generation=None if generation is None else Generation(generation),
        client=None if client is None else ClientId(client),
        session=hello.session,
        want_slots=hello.want_slots,
        version=hello.version,
        challenge=_short(hello.challenge),
    )


def _welcome_out(welcome: Welcome) -> Any:
    return pb.Welcome(
        version=welcome.version,
        hop=_hop_out(welcome.hop),
        namespace=welcome.namespace,
        chain=welcome.chain,
        generation=bytes.fromhex(welcome.generation),
        stages=welcome.stages,
        certificate=welcome.certificate,
        signature=welcome.signature,
    )


def _welcome_in(welcome: Any) -> Welcome:
    return Welcome(
        hop=_hop_in(welcome.hop.node, welcome.hop.incarnation),
        namespace=clean(welcome.namespace),
        chain=clean(welcome.chain),
        generation=Generation(_sized(welcome.generation, GENERATION_BYTES)),
        stages=tuple(map(clean, _at_most(MAX_STAGES, welcome.stages))),
        version=welcome.version,
        certificate=_short(welcome.certificate),
        signature=_short(welcome.signature),
    )


def _released_out(released: Released) -> Any:
    return pb.Released(
        of=_key_out(released.keys[0]),
        sequence=[key.sequence for key in released.keys],
        attempt=[key.attempt for key in released.keys],
        held_us=[round(seconds * 1e6) for seconds in released.held],
    )


def _released_in(released: Any) -> Released:
    generation, client, session, *_ = _key_in(released.of)
    if not released.sequence:
        raise ValueError("nothing is released")
    numbers = zip(released.sequence, released.attempt, released.held_us, strict=True)
    keys, held = [], []
    for sequence, attempt, microseconds in numbers:
        keys.append(RequestKey(generation, client, session, sequence, attempt))
        held.append(microseconds / 1e6)
    return Released(tuple(keys), tuple(held))


def _failure_in(failure: Any) -> Failure:
    return Failure(
        _key_in(failure.key),
        FailureKind(failure.kind),
        clean(failure.stage),
        clean(failure.reason),
    )


def _failure_out(failure: Failure) -> Any:
    return pb.Failure(
        key=_key_out(failure.key),
        kind=failure.kind,
        stage=failure.stage,
        reason=failure.reason[:MAX_TEXT],
    )


_WRITERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    Hello: ("hello", _hello_out),
    Welcome: ("welcome", _welcome_out),
    Refused: ("refused", lambda refused: pb.Refused(kind=refused.kind, reason=refused.reason)),
    Lease: ("lease", lambda said: pb.Lease(slots=said.slots, number=said.number)),
    Leased: ("leased", lambda said: pb.Leased(slots=said.slots, number=said.number)),
    Released: ("released", _released_out),
    Cancel: ("cancel", lambda cancel: pb.Cancel(key=_key_out(cancel.key))),
    Failure: ("failure", _failure_out),
    Superseded: (
        "superseded",
        lambda said: pb.Superseded(generation=bytes.fromhex(said.generation)),
    ),
    Beat: ("beat", lambda beat: pb.Beat(received=beat.received)),
    Bye: ("bye", lambda bye: pb.Bye(reason=bye.reason)),
}

_READERS: dict[str, Callable[[Any], Control]] = {
    "hello": _hello_in,
    "welcome": _welcome_in,
    "refused": lambda refused: Refused(RefusalKind(refused.kind), clean(refused.reason)),
    "lease": lambda said: Lease(said.slots, said.number),
    "leased": lambda said: Leased(said.slots, said.number),
    "released": _released_in,
    "cancel": lambda cancel: Cancel(_key_in(cancel.key)),
    "failure": _failure_in,
    "superseded": lambda said: Superseded(Generation(_sized(said.generation, GENERATION_BYTES))),
    "beat": lambda beat: Beat(beat.received),
    "bye": lambda bye: Bye(clean(bye.reason)),
}
