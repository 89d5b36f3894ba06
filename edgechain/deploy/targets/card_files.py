"""Files on an SD card: each is written beside its place, synced, and renamed into it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain.deploy.blobs import Blob
from edgechain.errors import FlashFailed
from edgechain.spec.progress import Progress

BEFORE = ".before"
DRAFT = ".edgechain-draft"

CLUSTER = 32 << 10
"""FAT gives out space in pieces of up to this size (Microsoft's FAT specification, section 3)."""

MARGIN = 1 << 20
"""Bytes that stay free, for folders."""


@dataclass(frozen=True, slots=True)
class CardFile:
    """A file to be written, by its name on the card.

    ``replaces`` when one of somebody else's is there, which is kept.
    """

    name: str
    blob: Blob
    replaces: bool = False


async def write_files(
    card: Path, files: Sequence[CardFile], stale: Iterable[str], report: Progress
) -> None:
    """Write ``files`` in this order, then remove ``stale``, or before where the space is needed.

    Raises ``FlashFailed``: the card is not finished then, and is to be flashed again.
    """
    whole, done, old = sum(file.blob.size for file in files), 0, tuple(stale)
    with _explained(card):
        await asyncio.to_thread(_make_room, card, files, old)
        for file in files:
            report(f"writing {Path(file.name).name}", done, whole)
            await asyncio.to_thread(_put, card, file)
            done += file.blob.size
        await asyncio.to_thread(_remove, card, old)
    report("written", done, whole)


def _make_room(card: Path, files: Sequence[CardFile], stale: Iterable[str]) -> None:
    needed = MARGIN + sum(-(-file.blob.size // CLUSTER) * CLUSTER for file in files)
    if _has_room(card, needed):
        return
    _remove(card, stale)
    if not _has_room(card, needed):
        reason = f"{needed:,} bytes are needed and {free_bytes(card):,} are free"
        raise FlashFailed(f"{card}: no space left: {reason}; nothing was written")


def _has_room(card: Path, needed: int) -> bool:
    free = free_bytes(card)
    return free is None or needed <= free


def free_bytes(path: Path) -> int | None:
    """What may still be written there; None where the file system does not say."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize if found.f_blocks else None


@contextmanager
def _explained(card: Path) -> Iterator[None]:
    """What the card says as an error of ours."""
    try:
        yield
    except OSError as error:
        full = error.errno == errno.ENOSPC
        what = "no space left" if full else error.strerror or type(error).__name__
        raise FlashFailed(f"{card}: {what}; the card is not finished, flash it again") from error


def _put(card: Path, file: CardFile) -> None:
    path = card / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.replaces:
        _write(_free_name(path), Blob.at(path))
    _write(path, file.blob)


def _free_name(path: Path) -> Path:
    """Where a file that makes way is kept: nothing that was kept before is lost."""
    names = [path.with_name(f"{path.name}{BEFORE}")]
    while names[-1].exists():
        names.append(path.with_name(f"{path.name}{BEFORE}{len(names)}"))
    return names[-1]


def _write(path: Path, blob: Blob) -> None:
    """One file, whole or not at all; for its owner only where the file system knows owners."""
    draft = path.with_name(f"{path.name}{DRAFT}")
    with suppress(FileNotFoundError):
        draft.unlink()
    try:
        fileno = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fileno, "wb") as file:
            _copy(blob, file.write)
            file.flush()
            os.fsync(fileno)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    _sync_folder(path.parent)


def _copy(blob: Blob, write: Callable[[bytes], Any]) -> None:
    found = hashlib.sha256()
    for piece in blob.pieces():
        found.update(piece)
        write(piece)
    if found.hexdigest() != blob.sha256:
        raise FlashFailed(f"{blob.source!s}: was changed while it was written")


def _sync_folder(folder: Path) -> None:
    fileno = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # FUSE file systems need not know it
            os.fsync(fileno)
    finally:
        os.close(fileno)


def _remove(card: Path, names: Iterable[str]) -> None:
    for name in names:
        (card / name).unlink(missing_ok=True)
        with suppress(OSError):
            (card / name).parent.rmdir()  # only where it is empty
