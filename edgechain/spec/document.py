"""YAML text to nouns and back, with the line of every mistake.

Pure: callers read and write the files. With ``scalars`` the only door to ruamel.yaml.
"""

from __future__ import annotations

import difflib
import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from edgechain.errors import InvalidDocument
from edgechain.spec.printable import one_line
from edgechain.spec.scalars import SECRET, Key
from edgechain.spec.tensor import AtKey

MAX_DOCUMENT_BYTES = 16 << 20
"""A manifest of 256 stages with long names stays far below; larger is not one of ours."""

MAX_NESTING = 500
"""Open brackets; ours have a handful, and the library's time grows with their square."""

MAX_NODES = 1 << 20
"""Values in one document, aliases counted wherever they stand; 256 stages need far fewer."""

NO_PLACE = "is no place for a secret: what stands here is shown in steps and logs; write it out"

_HARMLESS = re.compile(r"""([^'"]|'<[a-z ]+>'|'[^\w\s]'|"[^\w\s]")*""", re.ASCII)
"""What a parser says before it quotes more of a document than one sign."""

_PREFIX = "Value error, "
"""What pydantic puts before the words of our own checks."""

Document = TypeVar("Document", bound=BaseModel)


def parse(kind: type[Document], text: str, *, file: str) -> Document:
    """Read one YAML document as ``kind``. Raises ``InvalidDocument`` with file, line and key."""
    return read(text, file=file).become(kind)


class Written:
    """A document as it was read: its values, and where each stands.

    One that is ``private`` may have secrets in it: its errors repeat nothing of it, and keep no
    cause that does.
    """

    def __init__(self, tree: Any, plain: Any, file: str, *, private: bool = False):
        self._tree, self._plain = tree, plain
        self._file, self._private = file, private

    def become(self, kind: type[Document]) -> Document:
        """The noun it describes. Raises ``InvalidDocument`` with the place of the mistake."""
        try:
            return kind.model_validate(self._plain)
        except ValidationError as error:
            first = min(error.errors(), key=_depth)
            cause = None if self._private else error
        raise self.complaint(_in_words(kind, first), _key_of(first)) from cause

    def value(self, key: Key) -> Any:
        """What is written at ``key``, in Python's own types; None where nothing is."""
        found = self._plain
        for part in key:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def complaint(self, reason: str, key: Key) -> InvalidDocument:
        """The error for what is wrong at ``key``, or at the deepest part of it that is there."""
        line, column = _locate(self._tree, key)
        name = one_line(".".join(map(str, key)))
        return InvalidDocument(
            one_line(reason), file=self._file, line=line, column=column, key=name
        )


def _key_of(error: Any) -> Key:
    """Where a validator looked; for keys that do not agree, the one that it names."""
    path = tuple(part for part in error["loc"] if isinstance(part, str | int))
    said = error.get("ctx", {}).get("error")
    return (*path, said.key) if isinstance(said, AtKey) else path


def first_mistake(error: ValidationError) -> tuple[str, str]:
    """The key and the words of the first mistake in what did not come from a document."""
    first = error.errors()[0]
    return ".".join(map(str, first["loc"])), first["msg"].removeprefix(_PREFIX)


def _depth(error: Any) -> bool:
    """An unknown key explains the missing one beside it, so it comes first."""
    return bool(error["type"] != "extra_forbidden")


def _in_words(kind: type[BaseModel], error: Any) -> str:
    """A validator's verdict in the words of whoever wrote the document."""
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), kind.model_fields, 1)
        return f"is no key that is known here{f'; did you mean {near[0]!r}?' if near else ''}"
    if isinstance(error["input"], SecretStr) and error["type"] != "value_error":
        return NO_PLACE
    if error["type"] == "string_pattern_mismatch":
        return f"{error['input']!r} has not the form that is wanted here"
    message: str = error["msg"]
    return message.removeprefix(_PREFIX)


def to_yaml(value: Mapping[str, Any]) -> str:
    """Write plain values for other programs: texts in quotes, so that all of them read the same.

    To YAML 1.1, which PyYAML and netplan read, Norway (NO) is false and 12:30 is 750.
    """
    yaml = YAML()
    yaml.width = MAX_DOCUMENT_BYTES
    yaml.allow_unicode = False
    out = io.StringIO()
    yaml.dump(_in_quotes(value), out)
    return out.getvalue()


def _in_quotes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return CommentedMap({_key(key): _in_quotes(item) for key, item in value.items()})
    if isinstance(value, list):
        items = CommentedSeq(map(_in_quotes, value))
        if all(isinstance(item, str) for item in value) and _short(value):
            items.fa.set_flow_style()
        return items
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


def _key(text: str) -> str:
    plain = re.fullmatch(r"[a-z]{2}[a-z0-9_-]{2,}", text) and text not in {"true", "false", "null"}
    return text if plain else DoubleQuotedScalarString(text)


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


def read(
    text: str, *, file: str, change: Callable[[Any], None] | None = None, private: bool = False
) -> Written:
    """Read one YAML document. Raises ``InvalidDocument``.

    ``change`` is called with the graph of its nodes (``spec.scalars``) before values are made of
    them; a scalar that it leaves with the tag ``!secret`` becomes a ``SecretStr``.
    """

    def load() -> tuple[Any, Any]:
        tree = _reader().load(text) if change is None else _changed(text, change)
        return tree, _Plain(secrets=change is not None).copy(tree)

    tree, plain = _guarded(load, text, file, private=private)
    if isinstance(tree, Mapping):
        return Written(tree, plain, file, private=private)
    raise InvalidDocument("should be a mapping of keys to values", file=file, line=1, column=1)


def compose(text: str, *, file: str) -> Any:
    """The graph of a private document's nodes (``spec.scalars``), None if there are none.

    Raises ``InvalidDocument``, which repeats nothing of it.
    """
    return _guarded(lambda: _reader().compose(text), text, file, private=True)


def _changed(text: str, change: Callable[[Any], None]) -> Any:
    reader = _reader()
    root = reader.compose(text)
    if root is None:
        return None
    change(root)
    return reader.constructor.construct_document(root)


def _reader() -> YAML:
    reader = YAML(typ="rt")
    reader.composer.warn_double_anchors = False  # YAML 1.2 allows them: no word on stderr
    return reader


def _guarded(load: Callable[[], Any], text: str, file: str, *, private: bool) -> Any:
    """What ``load`` makes of the text. Raises ``InvalidDocument``, outside of any other error."""
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidDocument("is too large to be one of our documents", file=file)
    if _nesting(text) > MAX_NESTING:
        raise InvalidDocument("has too many brackets in brackets to be one of ours", file=file)
    try:
        return load()
    except InvalidDocument:
        raise
    except Exception as error:  # the library lets a nonsensical tag raise almost anything
        refused = _no_yaml(error, file, private=private)
        cause = None if private else error
    raise refused from cause


def _nesting(text: str) -> int:
    """How many brackets are open at once, at most; those in quotes count as well."""
    steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[\[\]{}]", text))
    return max(itertools.accumulate(steps), default=0)


def _no_yaml(error: Exception, file: str, *, private: bool) -> InvalidDocument:
    """What the library found, in one line; of a private document nothing that it quotes."""
    line, column, said = 0, 0, str(error)
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        said = str(error.problem or error.context)
        if private:
            harmless = _HARMLESS.match(said)
            said = harmless[0] if harmless else ""
        if mark and mark.buffer[: mark.pointer][-1:] == "$":
            said += "; inside { } and [ ] a value with ${...} needs quotes"
    elif private:
        said = ""
    reason = f"is not YAML: {one_line(said) or type(error).__name__}"
    return InvalidDocument(reason, file=file, line=line, column=column)


class _Plain:
    """Copies a tree into Python's own types; pydantic takes ruamel's for what they derive from.

    An alias is copied wherever it stands, so a few lines could become gigabytes: the copy has
    at most ``MAX_NODES`` nodes, or the document is refused.
    """

    def __init__(self, *, secrets: bool) -> None:
        self._left = MAX_NODES
        self._secrets = secrets

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
        if self._secrets and isinstance(tree, TaggedScalar) and tree.tag.value == SECRET:
            return SecretStr(str(tree.value))
        return tree


def _locate(tree: Any, path: Key) -> tuple[int, int]:
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
