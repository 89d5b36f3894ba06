"""YAML text to nouns and back, with the line of every mistake.

Pure: callers read and write the files. The only door to ruamel.yaml.
"""

from __future__ import annotations

import difflib
import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from edgechain.errors import InvalidDocument

MAX_DOCUMENT_BYTES = 16 << 20
"""A manifest of 256 stages with long names stays far below; larger is not one of ours."""

MAX_NODES = 1 << 20
"""Values in one document, aliases counted wherever they stand; 256 stages need far fewer."""

Document = TypeVar("Document", bound=BaseModel)


def parse(kind: type[Document], text: str, *, file: str) -> Document:
    """Read one YAML document as ``kind``. Raises ``InvalidDocument`` with file, line and key."""
    tree, plain = _parse_yaml(text, file)
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        first = min(error.errors(), key=_depth)
        path = tuple(part for part in first["loc"] if isinstance(part, str | int))
        line, column = _locate(tree, path)
        reason = _one_line(_in_words(kind, first))
        key = _one_line(".".join(map(str, path)))
        raise InvalidDocument(reason, file=file, line=line, column=column, key=key) from error


def _depth(error: Any) -> bool:
    """An unknown key explains the missing one beside it, so it comes first."""
    return bool(error["type"] != "extra_forbidden")


def _in_words(kind: type[BaseModel], error: Any) -> str:
    """A validator's verdict in the words of whoever wrote the document."""
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), kind.model_fields, 1)
        return f"is no key that is known here{f'; did you mean {near[0]!r}?' if near else ''}"
    if error["type"] == "string_pattern_mismatch":
        return f"{error['input']!r} has not the form that is wanted here"
    message: str = error["msg"]
    return message.removeprefix("Value error, ")


def render(document: BaseModel) -> str:
    """Write a noun as YAML: defaults left out, lists of numbers on one line."""
    yaml = YAML()
    yaml.width = MAX_DOCUMENT_BYTES  # ruamel folds long text where it cannot put it together again
    # ruamel would write U+0085 and U+2028 as they are, and read line breaks.
    yaml.allow_unicode = document.model_dump_json().isprintable()
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_flowing(document.model_dump(mode="json", exclude_defaults=True)), out)
    return out.getvalue()


def _parse_yaml(text: str, file: str) -> tuple[Any, Any]:
    """The document with its places, and the same in Python's own types."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidDocument("is too large to be one of our documents", file=file)
    reader = YAML(typ="rt")
    reader.composer.warn_double_anchors = False  # YAML 1.2 allows them: no word on stderr
    try:
        tree = reader.load(text)
        plain = _Plain().copy(tree)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        reason = _one_line(f"is not YAML: {error.problem or error.context}")
        raise InvalidDocument(reason, file=file, line=line, column=column) from error
    except Exception as error:  # the library lets a nonsensical tag raise almost anything
        said = _one_line(str(error)) or type(error).__name__
        raise InvalidDocument(f"is not YAML: {said}", file=file) from error
    if not isinstance(tree, Mapping):
        raise InvalidDocument("should be a mapping of keys to values", file=file, line=1, column=1)
    return tree, plain


class _Plain:
    """Copies a tree into Python's own types; pydantic takes ruamel's for what they derive from.

    An alias is copied wherever it stands, so a few lines could become gigabytes: the copy has
    at most ``MAX_NODES`` nodes, or the document is refused.
    """

    def __init__(self) -> None:
        self._left = MAX_NODES

    def copy(self, tree: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ValueError("aliases make it too large to be one of our documents")
        if isinstance(tree, Mapping):
            return {str(key): self.copy(value) for key, value in tree.items()}
        if isinstance(tree, Sequence) and not isinstance(tree, str | bytes):
            return [self.copy(value) for value in tree]
        for kind in (bool, int, float, str):
            if isinstance(tree, kind):
                return kind(tree)
        return tree


def _one_line(text: str) -> str:
    """Text from a document, fit to be printed: no line breaks, no terminal control codes."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _locate(tree: Any, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Line and column, from 1, of the deepest part of ``path`` that the document has."""
    line, column = 1, 1
    for part in path:
        try:
            if isinstance(tree, CommentedMap):
                line, column = (place + 1 for place in tree.lc.key(part))
            elif isinstance(tree, CommentedSeq) and isinstance(part, int):
                line, column = (place + 1 for place in tree.lc.item(part))
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            break
    return line, column


def _flowing(value: Any) -> Any:
    if isinstance(value, dict):
        return CommentedMap({key: _flowing(item) for key, item in value.items()})
    if isinstance(value, list):
        items = CommentedSeq(map(_flowing, value))
        scalars = (int, float, str, bool)
        if all(isinstance(item, scalars) for item in value) and _short(value):
            items = CommentedSeq(map(_quoted, value))
            items.fa.set_flow_style()
        return items
    return value


def _quoted(value: Any) -> Any:
    """Between brackets ruamel takes a leading question mark for a key: labels have ``???``."""
    return DoubleQuotedScalarString(value) if str(value).startswith("?") else value


def _short(values: list[Any]) -> bool:
    return sum(len(str(value)) + 2 for value in itertools.islice(values, 64)) <= 72
