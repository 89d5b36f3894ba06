"""Real inputs with something changed in them: bytes, or the fields of a frame. Pure, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from edgechain.transport._pb import wire_pb2 as pb

MAX_BYTES = 4096
"""Of one input: what is larger takes longer and says nothing new."""

EDGES = (0, 1, 2, 127, 128, 255, 256, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63)
ODD_BYTES = (b"", b"\x00", b"\xff" * 16, b"\x0a" * 33, b"\x22\x00", b"{}[]&*!|>%@`", b"\x1b[2J")
ODD_TEXT = ("", "\0", "\x1b[2J", "a" * 600, "\u2028", "node", "client", "stage_error", "../..")
MANY = 300
"""Entries of a list; more than any the wire allows."""

Mutate = Callable[[bytes, random.Random], bytes]


def change_bytes(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, put in, left out, repeated or put elsewhere."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(out) + 1)
        end = min(len(out), at + chance.choice((1, 1, 2, 4, 8, 32)))
        chance.choice(_EDITS)(out, at, end, chance)
    return bytes(out[:MAX_BYTES])


def _flip(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    if at < len(out):
        out[at] ^= 1 << chance.randrange(8)


def _replace(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    out[at:end] = chance.randbytes(end - at)


def _cut_out(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    del out[at:end]


def _cut_off(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    del out[at:]


def _put_in(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    out[at:at] = chance.choice((*ODD_BYTES, chance.randbytes(8)))


def _repeat(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    out[at:at] = out[at:end] * chance.choice((1, 2, 16))


def _count_up(out: bytearray, at: int, end: int, chance: random.Random) -> None:
    if at < len(out):
        out[at] = (out[at] + chance.choice((-1, 1, 16))) % 256


_EDITS = (_flip, _replace, _cut_out, _cut_off, _put_in, _repeat, _count_up)


def change_fields(data: bytes, chance: random.Random) -> bytes:
    """A frame with fields changed, taken away or added; plain bytes where it is no frame."""
    frame = pb.Frame()
    try:
        frame.ParseFromString(data)
    except DecodeError:
        return change_bytes(data, chance)
    for _ in range(chance.choice((1, 1, 2, 3))):
        _change_message(frame, chance)
    return bytes(frame.SerializeToString()[: 16 * MAX_BYTES])


def _change_message(message: Any, chance: random.Random) -> None:
    """Change one field, often one that is set, often one further inside."""
    present = [field for field, _ in message.ListFields()]
    fields = present if present and chance.random() < 0.8 else message.DESCRIPTOR.fields
    if not fields:
        return
    field = chance.choice(fields)
    if chance.random() < 0.1:
        message.ClearField(field.name)
    elif field.is_repeated:
        _change_list(getattr(message, field.name), field, chance)
    elif field.message_type is not None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        _change_message(inner, chance)
    else:
        setattr(message, field.name, _odd_value(field, getattr(message, field.name), chance))


def _change_list(items: Any, field: FieldDescriptor, chance: random.Random) -> None:
    what = chance.randrange(4)
    if what == 0 and len(items):
        del items[chance.randrange(len(items))]
    elif what == 1 and len(items):
        del items[MANY:]
        items.extend([items[0]] * chance.choice((1, 8, MANY)))
    elif field.message_type is not None:
        _change_message(items[-1] if len(items) and what == 2 else items.add(), chance)
    else:
        items.append(_odd_value(field, items[-1] if len(items) else None, chance))


def _odd_value(field: FieldDescriptor, now: Any, chance: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(ODD_TEXT)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return not now
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.choice((*ODD_BYTES, (now or b"x") + b"x", (now or b"")[:-1]))
    bits = 32 if field.type == FieldDescriptor.TYPE_UINT32 else 64
    odd = (*EDGES, (now or 0) + 1, (now or 1) - 1, chance.getrandbits(bits))
    return min(chance.choice(odd), (1 << bits) - 1)


def mutations(corpus: Sequence[bytes], ways: Sequence[Mutate], chance: random.Random) -> bytes:
    """One input: something real, changed once or twice."""
    data = chance.choice(corpus)
    for _ in range(chance.choice((1, 1, 2))):
        data = chance.choice(ways)(data, chance)
    return data
