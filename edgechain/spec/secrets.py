"""``secrets.yaml``: names and what they stand for, kept beside the configs and out of git."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from edgechain.errors import InvalidDocument
from edgechain.spec.document import compose
from edgechain.spec.scalars import Scalar, entries, place_of

SECRETS_FILE = "secrets.yaml"
SECRETS_EXAMPLE = "secrets.example.yaml"
"""What is in git instead, to be copied and filled in."""


class Secrets:
    """Secrets by name. It never shows one, except to who asks for it by name."""

    def __init__(self, values: Mapping[str, str], file: str = ""):
        self._values = dict(values)
        self._file = file

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets of {self._file or 'no file'}>"

    def get(self, name: str) -> str | None:
        """The secret of this name, if there is one."""
        return self._values.get(name)

    def missing(self, name: str) -> str:
        """Why there is no secret of this name, and what to do."""
        if not self._file:
            return (
                f"there is no {SECRETS_FILE} with the secret {name!r}: make one beside this file, "
                "or at the top of its project"
            )
        near = difflib.get_close_matches(name, self._values, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"there is no secret {name!r} in {self._file}{hint}"


def parse_secrets(text: str, *, file: str) -> Secrets:
    """Read ``NAME: VALUE`` lines, values as they are written: 0012 keeps its zeros.

    Raises ``InvalidDocument``, which never repeats a value.
    """
    root = compose(text, file=file)
    if root is None:
        return Secrets({}, file)
    values = entries(root)
    if values is None:
        line, column = place_of(root)
        reason = "should be lines of NAME: VALUE, and nothing deeper"
        raise InvalidDocument(reason, file=file, line=line, column=column)
    found: dict[str, str] = {}
    for value in values:
        name = str(value.key[-1])
        if reason := _fault(value, name in found):
            line, column = value.name_place
            raise InvalidDocument(reason, file=file, line=line, column=column)
        found[name] = value.written
    return Secrets(found, file)


def _fault(value: Scalar, known: bool) -> str:
    """What is wrong with a line, without its name: by a slip that is the secret."""
    if known:
        return "this name is there twice"
    if value.is_secret:
        return "a secret is written out here; !secret is for the device files"
    return "" if value.written else "this name has no value"
