"""Writing a chain directory: whole or not at all.

Everything is written to a sibling directory first and renamed into place. A chain that was there
before is moved aside first and removed last, so one of the two is always whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgechain.errors import InvalidChain
from edgechain.files.drafts import sync_folder

MANIFEST = "chain.yaml"
_OURS = frozenset({".tflite", ".yaml", ".py", ".pyc", ".sig", ".json"})
"""What a chain directory holds. Anything else was put there by somebody who wants it."""


def check_target(directory: Path, keep: Path | None = None) -> None:
    """Raise ``InvalidChain`` unless a chain may be written to ``directory``.

    It may when nothing is there, when it is an empty directory, or a chain directory with
    nothing else inside. ``keep`` is a file that must not be replaced with it, the model.
    """
    target = directory.resolve()
    if not target.exists():
        return
    if not target.is_dir():
        raise InvalidChain(f"{directory}: is a file; choose another directory")
    entries = sorted(entry for entry in target.iterdir() if entry.name != "__pycache__")
    if entries and not (target / MANIFEST).is_file():
        raise InvalidChain(f"{directory}: is not empty and not a chain; choose another directory")
    strange = [entry for entry in entries if entry.is_dir() or entry.suffix not in _OURS]
    if keep is not None and keep.resolve().parent == target:
        strange.insert(0, keep)
    if strange:
        raise InvalidChain(
            f"{directory}: replacing this chain would delete {strange[0].name}; "
            "move it away or choose another directory"
        )


def write_directory(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as the content of ``directory``. Raises ``InvalidChain`` on failure."""
    target = directory.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
    except OSError as error:
        raise InvalidChain(f"{directory}: cannot be written: {error.strerror}") from error
    try:
        for name, content in files.items():
            _write_file(fresh / name, content)
        fresh.chmod(0o777 & ~_umask())
        sync_folder(fresh)
        _swap(fresh, target)
    except OSError as error:
        raise InvalidChain(f"{directory}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(fresh: Path, target: Path) -> None:
    if not target.exists():
        fresh.rename(target)
    else:
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
        target.rename(aside)  # onto an empty directory: allowed, and atomic
        try:
            fresh.rename(target)
        except BaseException:  # Ctrl-C too: never leave nothing there
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    sync_folder(target.parent)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
