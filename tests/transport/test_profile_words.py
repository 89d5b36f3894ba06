"""The words of Profile on the wire: what is said is heard, and what is not of ours is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import ProtocolError
from edgechain.spec.profiling import (
    MOST_PROFILE_BYTES,
    PIECE_BYTES,
    Accepted,
    Declined,
    Finished,
    NoKind,
    Word,
    Working,
)
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.profile_words import (
    decode_order,
    decode_piece,
    decode_word,
    encode_order,
    encode_piece,
    encode_word,
)
from tests.transport.profiling import order

WORDS: tuple[Word, ...] = (
    Accepted("pi-a"),
    Working("measuring", 0, 0),
    Finished("{}"),
    *(Declined(kind, "why") for kind in NoKind),
)


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_what_is_said_is_heard(word: Word) -> None:
    assert decode_word(encode_word(word)) == word


@given(st.binary(min_size=1, max_size=PIECE_BYTES))
def test_a_piece_is_what_it_was(piece: bytes) -> None:
    assert decode_piece(encode_piece(piece)) == piece


def test_an_order_is_what_it_was() -> None:
    assert decode_order(encode_order(order())) == order()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"model": ""}, "model"),
        ({"model": "\x1b[2J"}, "model"),
        ({"device": "x" * 257}, "device"),
        ({"size": 0}, "size"),
        ({"sha256": b"short"}, "sha256"),
        ({"threads": 65}, "threads"),
        ({"interpreter": "torch"}, "interpreter"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": 1e9}, "seconds"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(words: dict[str, object], reason: str) -> None:
    said = pb.ProfileRequest.FromString(encode_order(order()))
    for name, value in words.items():
        setattr(said.order, name, value)
    with pytest.raises(ProtocolError, match=f"the order's {reason}"):
        decode_order(said.SerializeToString())


@given(st.binary(max_size=200))
def test_whatever_comes_nothing_else_is_raised(message: bytes) -> None:
    for decode in (decode_order, decode_piece, decode_word):
        with suppress(ProtocolError):
            decode(message)


def test_a_word_without_end_is_none() -> None:
    with pytest.raises(ProtocolError, match="is not one of ours"):
        decode_word(encode_word(Finished(" " * MOST_PROFILE_BYTES)))
