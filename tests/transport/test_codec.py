"""Frames: what is said is what is heard, by protobuf too, and nothing else gets in."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgechain.errors import ProtocolError
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import (
    Bye,
    Chunk,
    Control,
    Failure,
    FailureKind,
    Hello,
    Released,
    Role,
    Route,
)
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import MAX_TEXT, decode, encode_chunk, encode_control
from edgechain.transport.packing import pack, unpack
from tests.runtime.keys import freed, key
from tests.transport import words

payloads = st.binary(max_size=300)


@given(words.controls)
def test_what_is_said_is_what_is_heard(said: Control) -> None:
    assert decode(encode_control(said)) == said


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=4))
@example([2_074_848])
def test_what_is_heard_is_said_again_to_the_microsecond(held: list[int]) -> None:
    """Most whole microseconds are no binary fractions of a second."""
    keys = tuple(map(key, range(len(held))))
    said = Released(keys, tuple(microseconds / 1e6 for microseconds in held))
    assert decode(encode_control(said)) == said


@given(words.keys, payloads, words.routes, words.shapes, st.data())
def test_a_chunk_is_what_protobuf_says_it_is(
    name: RequestKey, payload: bytes, route: Route, shape: tuple[int, ...], data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, len(payload)))
    size = data.draw(st.integers(0, 300))
    budget = data.draw(st.integers(0, 2**40)) / 1e6
    send = words.tensor(payload, print, key=name, route=route, shape=shape, number=7)
    frame = encode_chunk(send, offset, size, budget)
    plain = pb.Frame.FromString(frame)
    assert plain.data == payload[offset : offset + size]
    assert (plain.header.tensor, plain.header.offset) == (7, offset)
    assert plain.header.total == len(payload)
    assert not plain.HasField("control")
    heard = decode(frame)
    assert isinstance(heard, Chunk)
    assert bytes(heard.data) == plain.data
    first = (shape, route) if offset == 0 else ((), ())
    assert (heard.shape, heard.route) == first
    assert (heard.key, heard.tensor, heard.offset) == (name, 7, offset)
    assert 0 <= budget - heard.budget < 2e-6, "microseconds, and never more than is left"


@given(words.keys, payloads)
def test_a_chunk_made_by_protobuf_is_understood(name: RequestKey, payload: bytes) -> None:
    send = words.tensor(payload, print, key=name)
    ours = encode_chunk(send, 0, len(payload), 1.0)
    theirs = pb.Frame.FromString(ours).SerializeToString()
    assert decode(theirs) == decode(ours)


@given(
    words.keys, payloads | payloads.map(lambda some: some * 20), st.integers(0, 300), words.shapes
)
def test_a_chunk_goes_packed_where_that_makes_it_smaller(
    name: RequestKey, payload: bytes, offset: int, shape: tuple[int, ...]
) -> None:
    """Its place and its tensor's size stay those of the bytes as they are."""
    size = 1000
    plain, packed = (
        encode_chunk(
            words.tensor(payload, print, key=name, shape=shape, packed=may), offset, size, 1.0
        )
        for may in (False, True)
    )
    heard, wanted = decode(packed), decode(plain)
    assert isinstance(heard, Chunk)
    assert isinstance(wanted, Chunk)
    raw = payload[offset : offset + size]
    is_smaller = len(pack(memoryview(raw))) < len(raw)
    assert (heard.packed, wanted.packed) == (is_smaller, False)
    assert (unpack(heard.data, size) if is_smaller else bytes(heard.data)) == raw
    assert replace(heard, packed=False, data=wanted.data) == wanted
    assert decode(pb.Frame.FromString(packed).SerializeToString()) == heard
    if not is_smaller:
        assert packed == plain, "to the byte what a chunk was before there was packing"


def test_an_example_of_each() -> None:
    """Both ends of the property above are reached."""
    for payload, is_smaller in ((bytes(300), True), (bytes(range(250)), False), (b"", False)):
        send = words.tensor(payload, print, key=key(0), packed=True)
        heard = decode(encode_chunk(send, 0, 1000, 1.0))
        assert isinstance(heard, Chunk)
        assert heard.packed is is_smaller


def test_the_data_is_a_view_of_the_frame() -> None:
    frame = encode_chunk(words.tensor(b"x" * 100, print, key=key(0)), 0, 100, 1.0)
    heard = decode(frame)
    assert isinstance(heard, Chunk)
    assert heard.data.obj is frame


FRAMES = [
    encode_control(Hello(Role.NODE, "n", "ns", "c", None)),
    encode_control(Failure(key(1), FailureKind.UNAVAILABLE, "s", "r")),
    encode_chunk(words.tensor(b"1234", print, key=key(0)), 0, 4, 1.0),
]


@given(st.binary(max_size=80))
@example(b"")
@example(b"\x0a\xff\xff\xff\xff\xff\xff\x7f")
@example(b"\x0a\x00")
def test_anything_else_is_a_protocol_error(noise: bytes) -> None:
    assert hear(noise) is not None


@pytest.mark.parametrize("seed", range(4))
def test_frames_that_were_damaged_on_their_way(seed: int) -> None:
    random = Random(seed)
    ends = [hear(damaged(random.choice(FRAMES), random)) for _ in range(10_000)]
    refused = sum(isinstance(end, ProtocolError) for end in ends)
    assert 1_000 < refused < 9_999, "some still make sense, most do not"


def damaged(frame: bytes, random: Random) -> bytes:
    at = random.randrange(len(frame))
    end = random.randint(at, min(len(frame), at + random.choice((1, 3, 200))))
    return frame[:at] + random.randbytes(random.choice((0, end - at, 9))) + frame[end:]


def hear(frame: bytes) -> Chunk | Control | ProtocolError:
    """What a peer says means something or is a ``ProtocolError``; nothing else is raised."""
    try:
        return decode(frame)
    except ProtocolError as error:
        return error


@pytest.mark.parametrize("frame", [FRAMES[0] + FRAMES[1][:0] + b"\x12\x01x", FRAMES[2] + b"\x12"])
def test_a_frame_is_a_chunk_or_control_and_never_both(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame)


def test_ids_have_their_length() -> None:
    bad = pb.Frame(control=pb.Control(cancel=pb.Cancel(key=pb.RequestKey(client=b"short"))))
    with pytest.raises(ProtocolError):
        decode(bad.SerializeToString())


def test_names_and_reasons_from_the_network_are_fit_for_a_terminal() -> None:
    heard = decode(encode_control(Bye("\x1b[31mred\n" + "x" * 2 * MAX_TEXT)))
    assert isinstance(heard, Bye)
    assert heard.reason.startswith("?[31mred?xxx")
    assert len(heard.reason) == MAX_TEXT


@pytest.mark.parametrize(
    "odd",
    [
        {"sequence": [], "attempt": [], "held_us": []},
        {"sequence": [1, 2], "attempt": [1], "held_us": [0, 0]},
        {"sequence": [1], "attempt": [1], "held_us": []},
    ],
)
def test_what_is_released_is_said_whole(odd: dict[str, list[int]]) -> None:
    whole = pb.Frame.FromString(encode_control(freed(key(1))))
    for field, numbers in odd.items():
        whole.control.released.ClearField(field)
        getattr(whole.control.released, field).extend(numbers)
    with pytest.raises(ProtocolError):
        decode(whole.SerializeToString())
