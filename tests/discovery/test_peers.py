"""What is heard on the network is a guest: read, or left alone."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.discovery.peers import WIRE_KEYS, PeerHint, PeerTable

HINT = PeerHint("node", "home", "chain", "0123456789abcdef", 77, ("10.0.0.1:50551",))
ADDRESSES = HINT.addresses


def other(**changes: object) -> PeerHint:
    return dataclasses.replace(HINT, **changes)  # type: ignore[arg-type]


def test_what_is_announced_is_what_is_read() -> None:
    assert PeerHint.from_txt(HINT.to_txt(), ADDRESSES) == HINT
    assert sum(len(k) + len(v) + 2 for k, v in HINT.to_txt().items()) < 400


@given(st.dictionaries(st.sampled_from(WIRE_KEYS) | st.text(max_size=4), st.text(max_size=70)))
def test_garbage_is_no_hint(txt: dict[str, str]) -> None:
    hint = PeerHint.from_txt(txt, ADDRESSES)
    assert hint is None or PeerHint.from_txt(hint.to_txt(), ADDRESSES) == hint


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "a b"},
        {"id": "\x1b[2J"},
        {"id": "x" * 64},
        {"ns": "../up"},
        {"chain": ""},
        {"inc": "ghij"},
        {"inc": "-1"},
        {"inc": "f" * 400},
        {"v": "one"},
        {"gen": ""},
        {"gen": "xyz"},
        {"gen": "\x1b[2J0123456789ab"},
    ],
)
def test_one_wrong_property_is_enough(changes: dict[str, str]) -> None:
    assert PeerHint.from_txt(HINT.to_txt() | changes, ADDRESSES) is None


@pytest.mark.parametrize("key", WIRE_KEYS)
def test_every_property_is_needed(key: str) -> None:
    txt = HINT.to_txt()
    del txt[key]
    assert PeerHint.from_txt(txt, ADDRESSES) is None
    assert PeerHint.from_txt(HINT.to_txt(), ()) is None


def test_a_table_knows_what_is_news() -> None:
    table = PeerTable("home")
    moved = other(addresses=("10.0.0.2:1",))
    assert [table.seen(hint) for hint in (HINT, HINT, moved, moved)] == [True, False, True, False]
    assert not table.seen(other(namespace="away", name="far"))
    assert table.peers() == (moved,)


def test_two_lives_of_a_node_are_tried_the_latest_first() -> None:
    table = PeerTable("home")
    later = other(incarnation=78, addresses=("10.0.0.1:2", *ADDRESSES))
    table.seen(HINT)
    table.seen(later)
    assert table.addresses("node") == ("10.0.0.1:2", *ADDRESSES)
    table.gone(HINT)
    table.gone(HINT)
    assert table.peers() == (later,)


def test_a_table_cannot_be_filled_without_end() -> None:
    table = PeerTable("home", capacity=3)
    known = [table.seen(other(name=f"n{number}")) for number in range(10)]
    assert known == [True] * 3 + [False] * 7
    assert table.seen(other(name="n1", addresses=("10.0.0.9:1",))), "who is known may still move"
    assert len(table.peers()) == 3
