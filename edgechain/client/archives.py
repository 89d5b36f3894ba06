"""Arrays in .npz files, as people hand them to `edgechain infer`."""

from __future__ import annotations

import os
import tempfile
import zipfile
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
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or "is damaged"
        raise InvalidMedia(f"{path}: cannot be read as .npz: {reason}") from error


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as .npz, whole or not at all. Raises ``InvalidMedia``."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as draft:
            np.savez(draft, **{name: np.asarray(value) for name, value in arrays.items()})
        os.chmod(draft.name, 0o666 & ~_umask())  # noqa: PTH101 - the draft is private, the result is not
        Path(draft.name).replace(path)
    except OSError as error:
        raise InvalidMedia(f"{path}: cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
