"""Arrays in .npz files, as people hand them to `edgechain infer`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgechain.errors import InvalidMedia
from edgechain.files.drafts import draft_of
from edgechain.files.npz import opened_npz

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a .npz file. Raises ``InvalidMedia``; pickled objects are never loaded."""
    with opened_npz(path) as archive:
        return {name: archive.array(name) for name in archive.names}


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as .npz, whole or not at all. Raises ``InvalidMedia``."""
    try:
        with draft_of(path) as draft:
            _write(draft, arrays)
    except OSError as error:
        raise InvalidMedia(f"{path}: cannot be written: {error.strerror or error}") from error


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    """As ``numpy.savez`` does, for any name: its own arguments' names are names here too."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                write: Any = np.lib.format.write_array  # numpy has no types for it
                write(member, np.asarray(value), allow_pickle=False)
