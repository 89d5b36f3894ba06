"""Reading ``.npz`` archives, as people hand them in. Pickled objects are never loaded."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import InvalidMedia

_DAMAGES = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise for bytes that they make nothing of."""

Found = TypeVar("Found")


class Archive:
    """An open archive: named arrays, read one by one."""

    def __init__(self, path: Path, archive: Any):
        self._path, self._archive = path, archive
        self.names: tuple[str, ...] = tuple(archive.files)

    def header(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Dtype and shape of an array, before any of it is unpacked. Raises ``InvalidMedia``."""
        return self._read(name, self._header)

    def array(self, name: str) -> NDArray[Any]:
        """An array. Raises ``InvalidMedia``, for one of Python's objects, too."""
        if self.header(name)[0] == "object":
            raise InvalidMedia(f"{self._path}: key {name!r} holds Python's objects, no numbers")
        return self._read(name, self._archive.__getitem__)

    def _header(self, name: str) -> tuple[str, tuple[int, ...]]:
        layout: Any = np.lib.format
        with self._archive.zip.open(f"{name}.npy") as stored:
            old = layout.read_magic(stored) == (1, 0)
            read = layout.read_array_header_1_0 if old else layout.read_array_header_2_0
            shape, _, dtype = read(stored)
        return str(dtype), tuple(shape)

    def _read(self, name: str, read: Callable[[str], Found]) -> Found:
        try:
            return read(name)
        except _DAMAGES as error:
            reason = f"key {name!r} cannot be read: the archive is damaged"
            raise InvalidMedia(f"{self._path}: {reason}") from error


@contextmanager
def opened_npz(path: Path) -> Iterator[Archive]:
    """The archive at ``path``, open as long as the block runs. Raises ``InvalidMedia``."""
    try:
        with path.open("rb") as file:
            yield Archive(path, _archive(path, file))
    except FileNotFoundError as error:
        raise InvalidMedia(f"{path}: there is no such file") from error
    except OSError as error:
        raise InvalidMedia(f"{path}: cannot be read: {error.strerror}") from error


def _archive(path: Path, file: BinaryIO) -> Any:
    try:
        archive = np.load(file, allow_pickle=False)
    except _DAMAGES as error:
        raise InvalidMedia(f"{path}: is not an .npz archive; numpy.savez writes one") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InvalidMedia(f"{path}: is a single .npy array; numpy.savez writes an .npz with names")
    return archive
