"""The values that a YAML document spells out, each with its place, before they are read.

With ``document`` the only door to ruamel.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

Key = tuple[str | int, ...]
"""The way from the top of a document to a value: names in mappings, numbers in lists."""

Place = tuple[int, int]
"""Line and column, both from 1."""

SECRET = "!secret"  # noqa: S105 - the tag, no secret
_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML 1.1 and for ruamel; 1.2 has only the first three."""


class Scalar:
    """One value of a document, as it is written; what it becomes is written back to it."""

    def __init__(self, node: ScalarNode, key: Key, name: ScalarNode | None = None):
        self._node = node
        self._name = name or node
        self.key = key

    def __repr__(self) -> str:
        return f"<value of {'.'.join(map(str, self.key))}>"

    @property
    def written(self) -> str:
        """Its text, without quotes: 007 is three digits here, whatever YAML makes of it."""
        return str(self._node.value)

    @property
    def is_text(self) -> bool:
        """Whether YAML takes it for a string."""
        return bool(self._node.tag == _TEXT)

    @property
    def is_nothing(self) -> bool:
        """Whether there is no value."""
        return bool(self._node.tag == _NULL)

    @property
    def is_secret(self) -> bool:
        """Whether it is a ``!secret``, by name or, after ``become``, itself."""
        return bool(self._node.tag == SECRET)

    def become(self, text: str, *, secret: bool) -> None:
        """Be this string from now on; its place stays."""
        self._node.value = text
        self._node.tag = SECRET if secret else _TEXT

    @property
    def name_place(self) -> Place:
        """Where its name begins, if it came with one: nothing has no place of its own."""
        return place_of(self._name)

    def place(self, part: str = "") -> Place:
        """Where it is written; of ``part``, where that is spelt out in it."""
        start, end = self._node.start_mark, self._node.end_mark
        raw = start.buffer[start.pointer : end.pointer]
        before = raw[: max(raw.find(part), 0)]
        *lines, last = _BREAK.split(before)
        column = len(last) if lines else start.column + len(last)
        return start.line + len(lines) + 1, column + 1


def scalars(node: Any, key: Key = ()) -> Iterator[Scalar]:
    """Every value below ``node`` in the order of the text; one that has aliases comes once."""
    waiting, seen = [(node, key)], set()
    while waiting:
        node, key = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            yield Scalar(node, key)
        elif isinstance(node, MappingNode):
            waiting += [(value, (*key, _name(name))) for name, value in reversed(node.value)]
        elif isinstance(node, SequenceNode):
            waiting += [(item, (*key, at)) for at, item in reversed(list(enumerate(node.value)))]


class Span(NamedTuple):
    """Where a value of a document's top stands in its text, and how its key is written.

    Characters from ``start`` to before ``end``; ``indent`` is the column of the key.
    """

    start: int
    end: int
    indent: int
    in_braces: bool


def spans(node: Any) -> dict[str, Span]:
    """The values of a document's mapping that stand behind their keys; aliases do not."""
    if not isinstance(node, MappingNode):
        return {}
    found = {}
    for key, value in node.value:
        start, end = value.start_mark.index, _end(value)
        if isinstance(key, ScalarNode) and key.end_mark.index <= start and value.anchor is None:
            column, in_braces = key.start_mark.column, bool(node.flow_style)
            found[str(key.value)] = Span(start, end, column, in_braces)
    return found


def _end(node: Any) -> int:
    """Where a value ends: a list in lines with its last entry, not with what comes behind it."""
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def take(node: Any, name: str) -> list[Any]:
    """Take a key out of a document's mapping: its values, one unless it is there twice."""
    if not isinstance(node, MappingNode):
        return []
    found = [value for key, value in node.value if _name(key) == name]
    node.value = [pair for pair in node.value if _name(pair[0]) != name]
    return found


def entries(node: Any, key: Key = ()) -> list[Scalar] | None:
    """The values of a mapping that has only scalars below its keys, in order; else None."""
    if not isinstance(node, MappingNode):
        return None
    if not all(isinstance(part, ScalarNode) for pair in node.value for part in pair):
        return None
    return [Scalar(value, (*key, _name(name)), name) for name, value in node.value]


def place_of(node: Any) -> Place:
    """Where a part of a document begins."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def _name(node: Any) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else "?"
