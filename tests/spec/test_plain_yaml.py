"""What is written for readers of YAML 1.1 means the same to one of 1.2."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from edgechain.spec.plain_yaml import render_plain

TREES = st.recursive(
    st.booleans() | st.integers(-9, 99_999) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(text: str, version: tuple[int, int]) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    return list(yaml.load_all(text))


@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
@pytest.mark.parametrize(
    "text", ["no", "ON", "y", "null", "~", "017", "0o17", "1e3", "12:30:00", "1_0", "", "a: b", "-"]
)
def test_text_stays_text(text: str, version: tuple[int, int]) -> None:
    assert read(render_plain({text: [text]}), version) == [{text: [text]}]


@given(TREES)
def test_anything_comes_back(tree: Any) -> None:
    assert read(render_plain({"tree": tree}), (1, 2)) == [{"tree": tree}]


def test_several_documents_and_text_of_several_lines() -> None:
    text = render_plain({"a": "one\ntwo\n"}, {"b": 1})
    assert text == "a: |\n  one\n  two\n---\nb: 1\n"
