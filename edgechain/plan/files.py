"""The planner's files, read."""

from __future__ import annotations

from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.spec.document import MAX_DOCUMENT_BYTES
from edgechain.spec.problem import Problem
from edgechain.spec.problem_file import parse_problem


def read_problem(path: Path) -> Problem:
    """A problem file. Raises ``InvalidDocument`` with the place of the mistake."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise InvalidDocument(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidDocument("is not text in UTF-8", file=str(path)) from error
    return parse_problem(text, file=str(path))
