"""Names and keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from edgechain.spec.ids import (
    ClientId,
    Generation,
    Name,
    RequestKey,
    as_name,
    is_name,
    new_client_id,
    new_incarnation,
)

GOOD = ("a", "0", "detect", "Stage-1", "a.b_c-d", "x" * 63)
BAD = ("", "-a", "a-", ".", "..", "_a", "a_", "a b", "a/b", "é", "a\n", "x" * 64, "a\x00")


@pytest.mark.parametrize("text", GOOD)
def test_a_name(text: str) -> None:
    assert is_name(text)
    assert TypeAdapter(Name).validate_python(text) == text


@pytest.mark.parametrize("text", BAD)
def test_not_a_name(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(text)


@given(st.text())
def test_the_two_checks_of_a_name_agree(text: str) -> None:
    try:
        TypeAdapter(Name).validate_python(text)
    except ValidationError:
        assert not is_name(text)
    else:
        assert is_name(text)


@given(st.text(max_size=200))
def test_any_text_becomes_a_name(text: str) -> None:
    assert is_name(as_name(text))


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", fullmatch=True))
def test_a_name_stays_itself(text: str) -> None:
    assert as_name(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my model.tflite", "my-model.tflite"),
        ("--", "unnamed"),
        ("", "unnamed"),
        ("ü/é", "unnamed"),
    ],
)
def test_the_nearest_name(text: str, name: str) -> None:
    assert as_name(text) == name


def test_incarnations_fit_63_bits_and_differ() -> None:
    made = {new_incarnation() for _ in range(64)}
    assert len(made) == 64
    assert all(0 <= incarnation < 1 << 63 for incarnation in made)


def test_client_ids_are_32_digits_and_differ() -> None:
    made = {new_client_id() for _ in range(64)}
    assert len(made) == 64
    assert all(len(client) == 32 and int(client, 16) >= 0 for client in made)


def key(sequence: int = 7, attempt: int = 2) -> RequestKey:
    return RequestKey(Generation("a" * 64), ClientId("0123456789abcdef" * 2), 5, sequence, attempt)


def test_keys_differ_in_every_part() -> None:
    assert key() == key()
    assert len({key(), key(sequence=8), key(attempt=3)}) == 3


def test_a_key_is_short_in_a_log() -> None:
    assert str(key()) == "01234567/7.2"
