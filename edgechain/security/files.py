"""Keys and certificates on disk: nobody else reads a key, and nothing half-written stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from edgechain.errors import InvalidIdentity
from edgechain.files.drafts import sync_folder

KEY_SUFFIX = ".key"
"""Files that only their owner may read."""

MAX_BYTES = 1 << 20
"""A certificate has 700 bytes; a list of revocations of this size holds 25,000."""


def read(path: Path) -> bytes:
    """One file. Raises ``InvalidIdentity``, for a key also where others may read it."""
    try:
        if path.suffix == KEY_SUFFIX:
            _require_private(path)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidIdentity(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise InvalidIdentity(f"{path} is too large to be what it should be")
    return data


def _require_private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        reason = f"is open to others (mode {mode:03o}); `chmod 600 {path}`"
        raise InvalidIdentity(f"{path} {reason}, and a new one if somebody may have read it")


def write_file(path: Path, data: bytes) -> None:
    """Write or replace one file, whole or not at all: a key stays there after a power cut."""
    with _explained(path):
        fileno, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(fileno, "wb") as file:
                os.fchmod(fileno, 0o600 if path.suffix == KEY_SUFFIX else 0o644)
                file.write(data)
                file.flush()
                os.fsync(fileno)
            Path(draft).replace(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(draft).unlink()
            raise


def write_directory(path: Path, files: Mapping[str, bytes]) -> None:
    """Make or replace a directory with these files (names may have one folder), mode 0700."""
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
        try:
            for name, data in files.items():
                (draft / name).parent.mkdir(exist_ok=True)
                write_file(draft / name, data)
            _put(draft, path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def remove_directory(path: Path) -> None:
    """Remove an identity's directory; nobody finds half of one."""
    with _explained(path):
        gone = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
        path.rename(gone / path.name)
        sync_folder(path.parent)
        shutil.rmtree(gone)


def _put(draft: Path, path: Path) -> None:
    """Let ``draft`` be ``path``; what was there goes."""
    if not path.exists():
        draft.rename(path)
        return
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    path.rename(old / path.name)
    draft.rename(path)
    shutil.rmtree(old)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what the file system says as an error of ours."""
    try:
        yield
    except OSError as error:
        raise InvalidIdentity(f"{path} cannot be written: {error.strerror}") from error
