"""How much room there is, and whether a small file can be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgechain.deploy.doctor.checks.disk import DiskFacts

SAMPLE = bytes(4096)


def look(written: Sequence[Path], read: Sequence[Path] = ()) -> list[DiskFacts]:
    """Each file system once; ``written`` are directories in which something is written."""
    found: dict[int, DiskFacts] = {}
    for path, is_written in [*((p, True) for p in written), *((p, False) for p in read)]:
        there = existing(path)
        device = there.stat().st_dev
        if device not in found:
            found[device] = _facts(there, is_written)
    return list(found.values())


def existing(path: Path) -> Path:
    """The directory itself, or the nearest one above that there is."""
    absolute = path.absolute()
    return next(p for p in (absolute, *absolute.parents) if p.is_dir())


def _facts(path: Path, written: bool) -> DiskFacts:
    state = os.statvfs(path)
    readonly = bool(state.f_flag & os.ST_RDONLY)
    return DiskFacts(
        path=str(path),
        free=state.f_bavail * state.f_frsize,
        total=state.f_blocks * state.f_frsize,
        free_files=state.f_favail,
        files=state.f_files,
        readonly=readonly,
        written=written,
        problem=_write(path) if written and not readonly else "",
    )


def _write(path: Path) -> str:
    """What the system says to a small file, which is gone when this returns."""
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(SAMPLE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""
