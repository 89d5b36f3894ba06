"""Every mistake in a document is one line that says where."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from edgechain.errors import InvalidDocument
from edgechain.spec import document
from edgechain.spec.document import MAX_DOCUMENT_BYTES, parse, render
from edgechain.spec.tensor import Frozen


class Part(Frozen):
    name: str = Field(min_length=2)
    sizes: tuple[int, ...] = ()


class Whole(Frozen):
    kind: Literal["a", "b"]
    parts: tuple[Part, ...] = ()
    extra: dict[str, float] = Field(default_factory=dict)


GOOD = """\
# a comment
kind: a
parts:
  - name: first
    sizes: [1, 2]
  - {name: second}
extra:
  gain: 1.5
"""


def test_a_good_document() -> None:
    made = parse(Whole, GOOD, file="whole.yaml")
    assert made == Whole(
        kind="a",
        parts=(Part(name="first", sizes=(1, 2)), Part(name="second")),
        extra={"gain": 1.5},
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: a", "kind: c", "2:1: kind: Input should be 'a' or 'b'"),
        ("kind: a\n", "", "1:1: kind: Field required"),
        ("kind: a", "kind: a\ncolour: red", "3:1: colour: is no key that is known here"),
        ("name: first", "name: f", "4:5: parts.0.name: String should have at least 2 characters"),
        ("[1, 2]", "[1, x]", "5:16: parts.0.sizes.1: Input should be a valid integer"),
        ("name: second", "name: [second]", "6:6: parts.1.name: Input should be a valid string"),
        ("{name: second}", "second", "6:5: parts.1: Input should be a valid dictionary"),
        ("gain: 1.5", "gain: much", "8:3: extra.gain: Input should be a valid number"),
        ("gain: 1.5", "gain: 1.5\n  gain: 2", '9:3: is not YAML: found duplicate key "gain"'),
        ("[1, 2]", "[1, 2", "6:5: is not YAML: "),
        ("kind: a", "kind: a\n\tparts:", "3:1: is not YAML: found character"),
    ],
)
def test_a_mistake_has_its_line_and_key(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(Whole, GOOD.replace(old, new), file="whole.yaml")
    assert str(caught.value).startswith(f"whole.yaml:{said}")


@pytest.mark.parametrize("text", ["", "# nothing", "- a list", "a word", "12", "null"])
def test_a_document_is_a_mapping(text: str) -> None:
    with pytest.raises(InvalidDocument, match=r"^f\.yaml:1:1: should be a mapping"):
        parse(Whole, text, file="f.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n---\nb: 2",
        "a: !!python/object/apply:os.system [ls]",
        "a: \x00",
        pytest.param("{" * 5000, id="5000 braces"),
        "a: &x [*x]",
        "!!set \x851:60!!int 1:60",
        "!!float ",
        "!!bool #*!!bool !!omap ",
        "a: *unknown",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        parse(Whole, text, file="f.yaml")


def test_brackets_in_brackets_are_not_even_read() -> None:
    with pytest.raises(InvalidDocument, match="too many brackets"):
        parse(Whole, "a: " + "[" * (document.MAX_NESTING + 1), file="f.yaml")


def test_a_few_lines_do_not_become_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(12)]
    monkeypatch.setattr(document, "MAX_NODES", 10_000)
    with pytest.raises(InvalidDocument, match="aliases make it too large"):
        parse(Whole, "\n".join(rows), file="f.yaml")


def test_an_alias_is_the_value_it_stands_for() -> None:
    made = parse(Whole, "kind: a\nparts: [&p {name: one}, *p]", file="f.yaml")
    assert made.parts == (Part(name="one"),) * 2


def test_an_anchor_that_comes_twice_stands_for_the_last_one() -> None:
    """As YAML 1.2 has it, and without a warning on anybody's terminal."""
    text = "kind: &k b\nparts: []\nextra: {one: &k 1, two: *k}\n"
    assert parse(Whole, text, file="whole.yaml").extra == {"one": 1.0, "two": 1.0}


def test_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidDocument, match="too large"):
        parse(Whole, " " * (MAX_DOCUMENT_BYTES + 1), file="f.yaml")


def test_what_a_document_says_cannot_write_on_the_terminal() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(Whole, 'kind: a\n"\\e[2J\\nred": 1', file="f.yaml")
    assert str(caught.value) == "f.yaml:2:1: [2J red: is no key that is known here"


PIECES = [
    *"{}[]:,-?!&*|>'\"%@`#\n\t 0a1.e~", "!!int ", "!!float ", "!!timestamp ", "!!binary ", "!!set ",
    "!!omap ", "!!bool ", "!!map ", "&a ", "*a", "<<: ", "a: ", "- ", "%YAML 1.1\n", "---\n",
    "...\n", "2001-01-01", "1:60", "\x00", "\x85", "\ufeff", "\u2028",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_document_or_one_line(text: str) -> None:
    said = "nothing"
    try:
        parse(Whole, text, file="f.yaml")
    except InvalidDocument as error:
        said = str(error)
    assert said.isprintable()


class Free(BaseModel):
    values: dict[str, str | bool | int | float | list[str]]


@given(
    st.dictionaries(
        st.text(max_size=12),
        st.text(max_size=12)
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.lists(st.text(max_size=8), max_size=3),
    )
)
@settings(max_examples=200, deadline=None)
def test_any_value_survives_writing_and_reading(values: dict[str, object]) -> None:
    made = Free.model_validate({"values": values})
    again = parse(Free, render(made), file="f.yaml")
    assert again == made
    assert {k: type(v) for k, v in again.values.items()} == {
        k: type(v) for k, v in made.values.items()
    }


@pytest.mark.parametrize("label", ["???", "?", "?0", "? a", "-", "- a", "a: b", "#", "&a", "*a"])
def test_labels_are_read_back_as_they_were(label: str) -> None:
    made = Free(values={"labels": [label, "person"], label: label})
    assert parse(Free, render(made), file="f.yaml") == made


def test_short_lists_of_scalars_stand_on_one_line() -> None:
    text = render(Whole(kind="a", parts=(Part(name="first", sizes=tuple(range(9))),)))
    assert "sizes: [0, 1, 2, 3, 4, 5, 6, 7, 8]\n" in text
    long = render(Whole(kind="a", parts=(Part(name="first", sizes=tuple(range(99))),)))
    assert "\n      - 98\n" in long


def test_defaults_are_left_out() -> None:
    assert render(Whole(kind="b")) == "kind: b\n"
