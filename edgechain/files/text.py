"""Reading what people wrote: a text file as a document's text."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.spec.document import MAX_DOCUMENT_BYTES


def read_text(path: Path, most: int = MAX_DOCUMENT_BYTES) -> str:
    """The text of a file of at most so many bytes, UTF-8.

    Raises ``InvalidDocument``, which repeats nothing of the file: it may hold secrets.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InvalidDocument(f"cannot be read: {error.strerror}", file=str(path)) from error
    if len(data) > most:
        raise InvalidDocument("is too large to be what it should be", file=str(path))
    with suppress(UnicodeDecodeError):  # as a cause it would quote the file
        return data.decode("utf-8")
    raise InvalidDocument("is not text in UTF-8", file=str(path))
