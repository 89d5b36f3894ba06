"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A name to write a file under, which takes the place of ``path`` when the block ends.

    Who reads meets the old file or the new one, whole. When the block raises, the old one stays
    and nothing is left of the draft, whose suffix is that of ``path``. Raises ``OSError``. Nothing
    here waits for the disk: after a power cut the new file may be empty.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".edgechain-") as folder:
        draft = Path(folder) / path.name
        yield draft
        draft.replace(path)


def sync_folder(folder: Path) -> None:
    """Wait until what a folder names is on the disk. Raises ``OSError``."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
