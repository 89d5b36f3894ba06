"""Text of others: whatever it holds, what is printed of it holds no control code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.spec.printable import check_printable, one_line, printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_what_steers_a_terminal_is_shown_as_something_else() -> None:
    assert printable("a\x1b[31m\x00\u202eb\ud800") == "a?[31m??b?"
    assert printable("caf\xe9\tau lait", " ") == "caf\xe9 au lait"


@given(ANY_TEXT)
def test_any_text_is_printed_sign_for_sign(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert printable(shown) == shown


def test_an_error_of_several_lines_is_one() -> None:
    assert one_line(ValueError("  no\r\n\n room\x1b[2J \u2028left\t")) == "no room [2J left"


@given(ANY_TEXT)
def test_any_text_is_one_line_of_its_words(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert line == " ".join(line.split())
    assert line.replace(" ", "") == printable(text, " ").replace(" ", "")


def test_what_cannot_be_printed_is_refused() -> None:
    assert check_printable("caf\xe9 au lait") == "caf\xe9 au lait"
    with pytest.raises(ValueError, match="cannot be printed"):
        check_printable("two\nlines")
