"""The only door to the device's disk: nothing else of the agent writes, renames or removes.

Guaranteed, on a file system that keeps what it said was synced, wherever power is cut or a call
fails:

- a file that is written or replaced here, and a link that is pointed elsewhere, is the old or the
  new one, whole (written beside, fsync, rename, fsync of the folder);
- when a function returns, what it did stays;
- when it raises ``OSError``, what was there before is there still, and only drafts are left: names
  that begin with ``.``, which nothing reads and ``Store.recover`` removes;
- no link is followed in the last part of a path: one that somebody planted is replaced or refused.

The calls are Python's own, so faults can be injected below (``tests/faults/disk_faults.c``).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgechain.deploy.device.refusal import Invalid

PUBLIC = 0o644
PRIVATE = 0o600
"""For its owner only: keys, and configurations that hold secrets."""


def is_draft(name: str) -> bool:
    """Whether a name is one of a draft, which nothing refers to."""
    return name.startswith(".")


def entries(path: Path) -> list[Path]:
    """What is in a folder; nothing when it is not there, or is a link to somewhere else."""
    if path.is_symlink() or not path.is_dir():
        return []
    return list(path.iterdir())


def drop_drafts(path: Path) -> None:
    """Remove the drafts in a folder."""
    for entry in entries(path):
        if is_draft(entry.name):
            remove(entry)


def folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder unless it is there. Raises ``Invalid`` when a link or file is in its place."""
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise Invalid(f"{path} is not a folder (a link?); remove it") from None
        return
    try:
        sync(path.parent)
    except OSError:
        with suppress(OSError):
            path.rmdir()
        raise


def folders(path: Path) -> None:
    """Make a folder and those above it, unless they are there; links among them are followed."""
    if not path.is_dir():
        folders(path.parent)
        folder(path)


@contextmanager
def writing(path: Path, mode: int = PUBLIC) -> Iterator[BinaryIO]:
    """A draft that is put at ``path`` when the block ends; when the block raises it is removed."""
    draft = _beside(path, "draft")
    try:
        with _create(draft, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _put(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def write(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Write or replace a small file."""
    with writing(path, mode) as file:
        file.write(data)


def point(path: Path, target: str) -> None:
    """Make or replace a symbolic link."""
    draft = _beside(path, "draft")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    try:
        _put(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def link(path: Path, source: Path) -> None:
    """Another name for a file, to be synced with its folder by ``settle``."""
    os.link(source, path, follow_symlinks=False)


def settle(draft: Path, path: Path) -> None:
    """Let a finished folder of drafts be ``path``, which is not there: synced, renamed, synced.

    Its files have been synced when they were written.
    """
    for parent, _, _ in os.walk(draft, topdown=False):
        sync(Path(parent))
    draft.rename(path)
    try:
        sync(path.parent)
    except OSError:
        with suppress(OSError):
            path.rename(draft)
        raise


def sync(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    fileno = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(fileno)
    finally:
        os.close(fileno)


def sync_tree(path: Path) -> None:
    """Return when everything that other programs wrote below ``path`` is on the disk.

    All at once first: one commit for thousands of files, where each on its own would take one.
    """
    _sync_file_system(path)
    for parent, _, names in os.walk(path, topdown=False):
        for name in names:
            if not (Path(parent) / name).is_symlink():
                sync(Path(parent) / name)
        sync(Path(parent))


def _sync_file_system(path: Path) -> None:
    fileno = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fileno) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(fileno)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it; gone at once, or there whole."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        path.unlink()
        return
    gone = path if is_draft(path.name) else _beside(path, "gone")
    if gone != path:
        if gone.exists():
            shutil.rmtree(gone)
        path.rename(gone)
    shutil.rmtree(gone)


def drop(path: Path) -> None:
    """Remove one name, so that it stays removed."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def remove_drafts(path: Path) -> None:
    """Remove what broke off beside ``path`` when it was written or replaced."""
    for what in ("draft", "kept", "gone"):
        beside = _beside(path, what)
        if os.path.lexists(beside):
            remove(beside)


def overwrite(fileno: int, data: bytes) -> None:
    """What an open file holds from now on; neither whole nor lasting: a note for people."""
    os.ftruncate(fileno, 0)
    os.pwrite(fileno, data, 0)


def free_bytes(path: Path) -> int:
    """What may still be written below ``path``, which need not be there."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f".{path.name}.{what}")


def _create(path: Path, mode: int) -> BinaryIO:
    path.unlink(missing_ok=True)
    fileno = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    return os.fdopen(fileno, "wb")


def _put(draft: Path, path: Path) -> None:
    """Rename over ``path``; when that cannot be made to last, what was there comes back."""
    kept = _beside(path, "kept")
    kept.unlink(missing_ok=True)
    try:
        link(kept, path)
    except FileNotFoundError:
        was_there = False
    else:
        was_there = True
    draft.rename(path)
    try:
        sync(path.parent)
    except OSError:
        with suppress(OSError):
            _take_back(path, kept if was_there else None)
        raise
    if was_there:
        with suppress(OSError):
            kept.unlink()


def _take_back(path: Path, kept: Path | None) -> None:
    if kept is None:
        path.unlink()
    else:
        kept.rename(path)
