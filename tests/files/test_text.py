"""A text file of people: whatever is wrong with it is one line that repeats nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import InvalidDocument
from edgechain.files.text import read_text


def test_a_text_is_read_as_it_is(tmp_path: Path) -> None:
    text = "name: caf\xe9\r\n\u2028x"
    path = tmp_path / "n.yaml"
    path.write_bytes(text.encode())
    assert read_text(path) == text
    assert read_text(path, len(text.encode())) == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"12345", "is too large to be what it should be"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
    ],
)
def test_what_is_no_such_text_is_refused_without_a_word_of_it(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "n.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidDocument) as caught:
        read_text(path, 4)
    assert str(caught.value) == f"{path}: {reason}"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match=r"none\.yaml: cannot be read: No such file"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(InvalidDocument, match="cannot be read: Is a directory"):
        read_text(tmp_path)
