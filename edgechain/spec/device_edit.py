"""A device's file as people wrote it, with a few of its words replaced: nothing else changes.

Only the values' own characters are replaced, so comments, order, quotes and substitutions stay as
they are. Pure; what comes of it is read again, and is refused where it does not say what it should.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from edgechain.errors import InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device
from edgechain.spec.document import compose
from edgechain.spec.scalars import Span, spans
from edgechain.spec.substitutions import escaped

BY_HAND = "cannot be changed by a program as it is written; write this by hand: "

Words = Mapping[str, str | Sequence[str]]
"""Keys of the file's top, and the text or the list of names that each is to say."""


def edited(text: str, changes: Words, *, file: str) -> str:
    """The text of a device's file with these keys said otherwise, or said at all.

    Keys that are not there yet come behind the first of ``changes``, which has to be. Raises
    ``InvalidDocument`` where that cannot be done without changing anything else.
    """
    found = spans(compose(text, file=file))
    first = next(iter(changes))
    said = {key: _yaml(value) for key, value in changes.items()}
    if first not in found:
        raise InvalidDocument(BY_HAND + _lines(said), file=file, key=first)
    made = text
    for key in sorted(said.keys() & found.keys(), key=lambda key: found[key].start, reverse=True):
        more = [one for one in said if one not in found] if key == first else []
        made = _replaced(made, found[key], said[key], {one: said[one] for one in more})
    _require(made, text, changes, file, said)
    return made


def _replaced(text: str, span: Span, value: str, more: Mapping[str, str]) -> str:
    """With another value in its place, and ``more`` keys behind its line (or in its braces)."""
    if span.in_braces:
        added = "".join(f", {key}: {said}" for key, said in more.items())
        return f"{text[: span.start]}{value}{added}{text[span.end :]}"
    end = text.find("\n", span.end)
    line_end = len(text) if end < 0 else end
    added = "".join(f"\n{' ' * span.indent}{key}: {said}" for key, said in more.items())
    tail = text[span.end : line_end]
    return f"{text[: span.start]}{value}{tail}{added}{text[line_end:]}"


def _yaml(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return _word(value)
    return f"[{', '.join(map(_word, value))}]"


def _word(text: str) -> str:
    """A text that YAML and our substitutions take for itself: JSON's quotes where it needs any."""
    try:
        read = compose(text, file="")
    except InvalidDocument:
        read = None
    safe = set(text).isdisjoint("[]{},#&*!|>'\"%@`: \\") and not text.startswith(("-", "?"))
    plain = safe and getattr(read, "tag", "") == "tag:yaml.org,2002:str"
    return text if plain else json.dumps(escaped(text), ensure_ascii=False)


def _require(made: str, before: str, changes: Words, file: str, said: Mapping[str, str]) -> None:
    """The new text says what the old one did, but for the changes."""
    old, new = _config(before, file), None
    with suppress(InvalidDocument):
        new = _config(made, file)
    wanted = old.model_dump() | {
        key: value if isinstance(value, str) else tuple(value) for key, value in changes.items()
    }
    if new is None or new != NodeConfig.model_validate(wanted):
        raise InvalidDocument(BY_HAND + _lines(said), file=file, key=next(iter(changes)))


def _config(text: str, file: str) -> NodeConfig:
    return parse_device(text, file=file).config


def _lines(said: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in said.items())
