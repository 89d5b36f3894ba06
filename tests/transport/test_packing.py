"""Packed bytes are the same bytes again; what is no frame of ours is refused before it costs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from edgechain.errors import ProtocolError
from edgechain.transport.packing import _CONTEXTS, pack, unpack

MOST = 1 << 20
DATA = bytes(1000) + bytes(range(256))
FRAME = pack(memoryview(DATA))
SINGLE, FOUR_BYTES, EIGHT_BYTES = 0x20, 0x80, 0xC0
"""Bits of a frame's descriptor (RFC 8878, 3.1.1.1.1): one segment, and how long its size is."""

WINDOW_128_MB = 0x88

LAST_RUN = b"\x0b\x00\x00\x07"
"""A last block, of one byte seven."""

tensors = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.builds(bytes.__mul__, st.binary(min_size=1, max_size=40), st.integers(1, 2000)),
)


@given(tensors)
@example(bytes(MOST))
def test_what_was_packed_is_there_again(data: bytes) -> None:
    frame = pack(memoryview(data))
    assert unpack(memoryview(frame), MOST) == unpack(frame, len(data)) == data


def test_what_repeats_itself_gets_smaller_and_noise_does_not() -> None:
    assert len(FRAME) < len(DATA) / 2
    noise = Random(7).randbytes(10_000)
    assert len(pack(memoryview(noise))) > len(noise)


def described(size: int, body: bytes = LAST_RUN) -> bytes:
    """A frame that says it holds so many bytes."""
    head = zstandard.MAGIC_NUMBER.to_bytes(4, "little") + bytes((EIGHT_BYTES | SINGLE,))
    return head + size.to_bytes(8, "little") + body


def test_such_a_frame_is_good_where_it_is_true() -> None:
    assert unpack(described(1), 1) == b"\x07"


def unsized() -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(DATA)


def skipped() -> bytes:
    """A frame of the kind that a reader is to leave out."""
    return (0x184D2A50).to_bytes(4, "little") + (4).to_bytes(4, "little") + b"abcd"


def foreign() -> bytes:
    """A frame that needs a dictionary."""
    dictionary = zstandard.ZstdCompressionDict(DATA * 2)
    return zstandard.ZstdCompressor(dict_data=dictionary).compress(DATA)


LIES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no frame": lambda: b"no frame at all",
    "the beginning of a header": lambda: FRAME[:4],
    "a header alone": lambda: described(1, b""),
    "cut off": lambda: FRAME[:-1],
    "cut off in the middle": lambda: FRAME[: len(FRAME) // 2],
    "a byte more": lambda: FRAME + b"\0",
    "two frames": lambda: FRAME + FRAME,
    "a frame and one to be left out": lambda: FRAME + skipped(),
    "one to be left out": skipped,
    "one to be left out, and a frame": lambda: skipped() + FRAME,
    "no size": unsized,
    "an empty one": lambda: pack(memoryview(b"")),
    "an empty one and more": lambda: pack(memoryview(b"")) + FRAME,
    "less than it says": lambda: described(2),
    "more than it says": lambda: described(1, b"\x13\x00\x00\x07"),
    "a kilobyte too large": lambda: pack(memoryview(bytes(MOST + 1024))),
    "a bomb": lambda: pack(memoryview(bytes(64 << 20))),
    "a hundred gigabytes": lambda: described(100 << 30),
    "more than there is": lambda: described((1 << 64) - 3),
    "a dictionary": foreign,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_a_protocol_error(lie: str) -> None:
    with pytest.raises(ProtocolError, match="a packed chunk"):
        unpack(memoryview(LIES[lie]()), MOST)
    assert unpack(FRAME, MOST) == DATA, "the next one is read as ever"


def test_a_chunk_has_its_own_bound() -> None:
    assert unpack(FRAME, len(DATA)) == DATA
    with pytest.raises(ProtocolError, match="says that it holds 1256 bytes, not 1 to 1255"):
        unpack(FRAME, len(DATA) - 1)


def test_a_bomb_is_refused_before_memory_is_taken() -> None:
    """The library itself takes what the frame says, whatever it is asked for: the control."""
    bomb = pack(memoryview(bytes(64 << 20)))
    assert taken(lambda: unpack(bomb, MOST)) < 100_000
    careless = zstandard.ZstdDecompressor()
    assert taken(lambda: careless.decompress(bomb, max_output_size=MOST)) > 60 << 20


def taken(work: Callable[[], bytes]) -> int:
    """The most of Python's memory that it has at once; it may be refused."""
    tracemalloc.start()
    try:
        work()
    except ProtocolError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def test_a_torn_frame_that_wants_a_large_window_gets_no_more_than_it_holds() -> None:
    """It is read piece by piece, for which the library keeps memory from then on."""
    head = zstandard.MAGIC_NUMBER.to_bytes(4, "little") + bytes((FOUR_BYTES, WINDOW_128_MB))
    torn = head + MOST.to_bytes(4, "little") + LAST_RUN[:2]
    assert zstandard.get_frame_parameters(torn).window_size == 128 << 20
    with pytest.raises(ProtocolError, match="cannot be unpacked"):
        unpack(torn, MOST)
    assert _CONTEXTS.decompressor.memory_size() < 2 * MOST


@given(st.binary(max_size=200), st.integers(0, len(FRAME)), st.integers(0, 8))
def test_anything_else_is_refused_or_no_larger_than_it_may_be(
    noise: bytes, at: int, left_out: int
) -> None:
    for data in (noise, FRAME[:at] + noise + FRAME[at + left_out :]):
        try:
            assert 0 < len(unpack(data, 2000)) <= 2000
        except ProtocolError:
            continue


def test_threads_do_not_share_their_working_memory() -> None:
    """The library lets others run while it works."""
    randoms = [Random(seed) for seed in range(8)]
    values = [random.randbytes(100) * 3000 + random.randbytes(100_000) for random in randoms]

    def there_and_back(value: bytes) -> bool:
        return all(unpack(pack(memoryview(value)), MOST) == value for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(there_and_back, values))
