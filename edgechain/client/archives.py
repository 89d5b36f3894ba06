"""Arrays in .npz files, as people hand them to `edgechain infer`."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgechain.errors import InvalidMedia

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a .npz file. Raises ``InvalidMedia``; pickled objects are never loaded."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InvalidMedia(
                    f"{path}: is a single array; save it with numpy.savez and a name"
                )
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InvalidMedia(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split()) or "is damaged"
        raise InvalidMedia(f"{path}: cannot be read as .npz: {reason}") from error


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as .npz, whole or not at all. Raises ``InvalidMedia``."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".edgechain-") as folder:
            draft = Path(folder) / "draft.npz"
            _write(draft, arrays)
            draft.replace(path)
    except OSError as error:
        raise InvalidMedia(f"{path}: cannot be written: {error.strerror or error}") from error


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    """As ``numpy.savez`` does, for any name: its own arguments' names are names here too."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                write: Any = np.lib.format.write_array  # numpy has no types for it
                write(member, np.asarray(value), allow_pickle=False)
