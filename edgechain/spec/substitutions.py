"""``${name}`` in a document's values, and ``!secret NAME``: what they stand for takes their place.

    substitutions: {room: hall, board: pi-${room}}
    name: ${board}                        becomes pi-hall
    wifi: {password: !secret ${room}}     the secret called hall; $${ stands for ${ itself

Everything is text: ``port: ${port}`` is read like ``port: "50551"``. What is made of a secret is
a secret. Pure, on the values of a document before they are read, so that lines stay right.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from edgechain.errors import InvalidDocument
from edgechain.spec.printable import one_line
from edgechain.spec.scalars import Key, Scalar
from edgechain.spec.secrets import Secrets

KEY = "substitutions"
MAX_TEXT = 1 << 16
"""Characters of one value; a few lines that stand for each other twice would grow without end."""

MAX_DEPTH = 64
"""Names that stand for one another in a row; nobody writes more, and Python's stack has an end."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_MARK = re.compile(rf"\$\$\{{|\$\{{(?P<name>{_NAME})\}}|\$\{{")


def escaped(text: str) -> str:
    """Text that means itself where ``${`` would be replaced."""
    return text.replace("${", "$${")


class Filled(NamedTuple):
    """What a value is after substitution."""

    text: str
    is_secret: bool = False

    def __repr__(self) -> str:
        return "Filled(...)"


class Substitutions:
    """The names of one document. Raises ``InvalidDocument`` for one that is no good.

    ``secrets`` is asked for when the first secret is wanted; without it secrets are empty text,
    for a reader that leaves out what they are for.
    """

    def __init__(
        self, written: Iterable[Scalar], secrets: Callable[[], Secrets] | None, *, file: str
    ):
        self._file = file
        self._secrets = secrets
        self._written = self._checked(written)
        self._known: dict[str, Filled] = {}
        for name in self._written:
            self._value_of(name, ())

    def apply(self, values: Iterable[Scalar]) -> None:
        """Fill every string and every secret."""
        for value in values:
            if value.is_secret or (value.is_text and "${" in value.written):
                filled = self._filled(value, ())
                value.become(filled.text, secret=filled.is_secret)

    def _checked(self, written: Iterable[Scalar]) -> Mapping[str, Scalar]:
        found: dict[str, Scalar] = {}
        for value in written:
            name = str(value.key[-1])
            if reason := _fault(value, name in found):
                raise complaint(reason, value.key, self._file, value.name_place)
            found[name] = value
        return found

    def _value_of(self, name: str, above: tuple[str, ...]) -> Filled:
        if name not in self._known:
            self._known[name] = self._filled(self._written[name], (*above, name))
        return self._known[name]

    def _filled(self, value: Scalar, above: tuple[str, ...]) -> Filled:
        """``value`` with everything replaced; ``above`` are the names that want it."""
        pieces, end, secret = [], 0, False
        text = value.written
        for mark in _MARK.finditer(text):
            piece = self._replaced(mark, value, above)
            pieces += [text[end : mark.start()], piece.text]
            secret, end = secret or piece.is_secret, mark.end()
        filled = Filled("".join((*pieces, text[end:])), secret)
        if len(filled.text) > MAX_TEXT:
            raise self._complaint(value, f"becomes longer than {MAX_TEXT} characters")
        return self._revealed(filled.text, value) if value.is_secret else filled

    def _replaced(self, mark: re.Match[str], value: Scalar, above: tuple[str, ...]) -> Filled:
        name = mark["name"]
        if mark[0] == "$${":
            return Filled("${")
        if name is None:
            reason = "has ${ without a name and }; $${ stands for ${ itself"
            raise self._complaint(value, reason, mark[0])
        if name not in self._written:
            near = difflib.get_close_matches(name, self._written, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; {KEY}: names them"
            raise self._complaint(value, f"there is no substitution {name!r}{hint}", mark[0])
        if name in above:
            way = " -> ".join((*above[above.index(name) :], name))
            raise self._complaint(value, f"goes round in a circle: {way}", mark[0])
        if len(above) == MAX_DEPTH:
            reason = f"goes on over more than {MAX_DEPTH} names"
            raise self._complaint(value, reason, mark[0])
        return self._value_of(name, above)

    def _revealed(self, name: str, value: Scalar) -> Filled:
        if self._secrets is None:
            return Filled("", is_secret=True)
        secrets = self._secrets()
        found = secrets.get(name)
        if found is None:
            raise self._complaint(value, secrets.missing(name))
        return Filled(found, is_secret=True)

    def _complaint(self, value: Scalar, reason: str, part: str = "") -> InvalidDocument:
        line, column = value.place(part)
        return complaint(reason, value.key, self._file, (line, column))


def _fault(value: Scalar, known: bool) -> str:
    if known:
        return "is there twice"
    if not re.fullmatch(_NAME, str(value.key[-1])):
        return "is no name: letters, digits and _, and no digit first"
    return 'has no value; "" is empty text' if value.is_nothing else ""


def complaint(reason: str, key: Key, file: str, place: tuple[int, int]) -> InvalidDocument:
    """The error for what is wrong at a place of a document."""
    name = one_line(".".join(map(str, key)))
    line, column = place
    return InvalidDocument(one_line(reason), file=file, line=line, column=column, key=name)
