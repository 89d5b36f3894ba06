"""Shared-memory blocks: which are new, and whom they belong to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from tests.watch import processes

SHM = Path("/dev/shm")


def blocks() -> set[str]:
    """The names of all blocks on this machine; a folder there is somebody's, and none."""
    return {path.name for path in SHM.iterdir() if path.is_file()} if SHM.is_dir() else set()


def ours_or_orphaned(names: Iterable[str], ours: set[int]) -> set[str]:
    """Those of ``names`` that only processes of ``ours``, or none at all, still hold.

    Tests run side by side: a block that another test's process holds is that test's affair.
    """
    wanted = set(names) & blocks()
    if not wanted:
        return set()
    held_by_others = {name for pid in processes.living() - ours for name in _held(pid)}
    return (wanted - held_by_others) & blocks()


def remove(name: str) -> bool:
    """Remove a block; whether it was this call that did, so that a leak is reported once."""
    try:
        SHM.joinpath(name).unlink()
    except FileNotFoundError:
        return False
    return True


def _held(pid: int) -> set[str]:
    folder = processes.PROC / str(pid)
    with contextlib.suppress(OSError):
        paths = [str(link.readlink()) for link in folder.joinpath("fd").iterdir()]
        paths += folder.joinpath("maps").read_text().splitlines()
        return {
            path.partition(f"{SHM}/")[2].removesuffix(" (deleted)")
            for path in paths
            if f"{SHM}/" in path
        }
    return set()
