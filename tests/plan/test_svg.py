"""Text that stays in its room, names that stay text, and a file that is whole or absent."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import InvalidMedia
from edgechain.plan.svg import document, element, fitted, save, text, width, wrapped
from edgechain.spec.printable import printable

ANY_TEXT = st.text(st.characters(), max_size=60)


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)


@given(ANY_TEXT)
def test_any_text_stays_text(words: str) -> None:
    drawing = document(100, 50, words, [text(1, 2, words)])
    drawing.encode("utf-8")
    root = parsed(drawing)
    name, _, line = list(root)
    assert (name.text or "") == printable(words)
    assert (line.text or "") == printable(words)
    assert not list(line)


def test_an_attribute_cannot_end_its_quotes() -> None:
    made = parsed(element("g", id='a" onload="x', font_size=1.50))
    assert made.attrib == {"id": 'a" onload="x', "font-size": "1.5"}


@given(ANY_TEXT, st.integers(20, 400), st.booleans())
def test_what_is_fitted_fits(words: str, room: int, bold: bool) -> None:
    short = fitted(words, room, 12, bold=bold)
    assert width(short, 12, bold=bold) <= max(room, width("WW…", 12, bold=bold))
    if width(printable(words), 12, bold=bold) <= room:
        assert short == printable(words)


def test_of_a_long_name_both_ends_stay() -> None:
    assert fitted("efficientnet/block_3/conv_18", 90, 12) == "effici…nv_18"


@given(ANY_TEXT)
def test_wrapped_lines_keep_their_words(words: str) -> None:
    lines = wrapped(words, 2000, 12)
    assert " ".join(lines).split() == printable(words).split()
    assert all(width(line, 12) <= 2000 for line in lines)


def test_lines_are_broken_between_words() -> None:
    assert wrapped("one two three", width("one two", 12), 12) == ["one two", "three"]


def test_a_drawing_is_saved_whole(tmp_path: Path) -> None:
    target = tmp_path / "plan.svg"
    target.write_text("old")
    save(target, "new é")
    assert target.read_text(encoding="utf-8") == "new é"
    assert list(tmp_path.iterdir()) == [target]


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder.svg").mkdir()
    for target in (tmp_path / "absent" / "plan.svg", tmp_path / "folder.svg"):
        with pytest.raises(InvalidMedia, match=r"\.svg: cannot be written: "):
            save(target, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]
    assert not list((tmp_path / "folder.svg").iterdir())
