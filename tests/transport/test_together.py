"""Small frames that are written together: plain protobuf, in order, and nothing torn gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import ProtocolError
from edgechain.spec.message import Control
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import decode_all, encode_control, join
from tests.runtime.keys import freed, key
from tests.transport import words

several = st.lists(words.controls, min_size=1, max_size=5)


@given(several)
def test_what_is_said_together_is_heard_in_order(said: list[Control]) -> None:
    assert list(decode_all(join([encode_control(one) for one in said]))) == said


@given(several)
def test_it_is_what_protobuf_says_it_is(said: list[Control]) -> None:
    frames = [encode_control(one) for one in said]
    plain = pb.Frame(together=[pb.Frame.FromString(frame) for frame in frames])
    if len(frames) > 1:
        assert pb.Frame.FromString(join(frames)) == plain
    assert list(decode_all(plain.SerializeToString())) == said


@given(several, st.data())
def test_a_torn_one_is_refused(said: list[Control], data: st.DataObject) -> None:
    frames = [pb.Frame.FromString(encode_control(one)) for one in said]
    whole = pb.Frame(together=frames).SerializeToString()
    last = pb.Frame(together=frames[-1:]).ByteSize()
    torn = whole[: data.draw(st.integers(len(whole) - last + 1, len(whole) - 1))]
    heard: list[object] = []
    with pytest.raises(ProtocolError):
        heard.extend(decode_all(torn))
    assert heard == said[: len(heard)]


def test_frames_hold_no_frames_that_hold_frames() -> None:
    one = encode_control(freed(key(1)))
    inner = pb.Frame(together=[pb.Frame.FromString(one)])
    nested = pb.Frame(together=[inner]).SerializeToString()
    with pytest.raises(ProtocolError):
        list(decode_all(nested))
