"""A small ext4 in memory behind a loop device, copied as a power cut at that instant leaves it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.watch.needs import SYSTEM_PATH

THROTTLE = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device")
"""Version 1 of control groups; without it the disk is as fast as memory, and copies are rarer."""

PATIENCE = 30.0
WRITES, IN_FLIGHT, FLUSHES = 4, 8, 15
"""Columns of /sys/block/NAME/stat (Documentation/block/stat.rst)."""


def run_program(*command: object) -> str:
    """What a program prints; raises with what it complains of."""
    env = {**os.environ, "PATH": SYSTEM_PATH}
    words = list(map(str, command))
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class LoopDisk:
    """A mounted disk; ``image`` is what is behind it."""

    image: Path
    mount: Path
    device: Path

    def snapshot(self, to: Path) -> None:
        """Copy the image at one instant: the device wrote nothing while it was copied.

        Writes that the throttle or the page cache holds back have not reached it, as they would
        not have reached a disk whose power is cut.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            before = self._written()
            copy_sparse(self.image, to)
            if before[1] == 0 and self._written() == before:
                return
        raise TimeoutError(f"{self.device} wrote without a pause for {PATIENCE:.0f} s")

    def _written(self) -> tuple[int, int, int]:
        stat = Path(f"/sys/block/{self.device.name}/stat").read_text().split()
        return int(stat[WRITES]), int(stat[IN_FLIGHT]), int(stat[FLUSHES])


def copy_sparse(source: Path, to: Path) -> None:
    """Copy a file's data, and leave its holes."""
    reading = os.open(source, os.O_RDONLY)
    writing = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        size, place = os.fstat(reading).st_size, 0
        os.ftruncate(writing, size)
        while place < size:
            try:
                place = os.lseek(reading, place, os.SEEK_DATA)
            except OSError:
                return  # only a hole is left
            end = os.lseek(reading, place, os.SEEK_HOLE)
            while place < end:
                place += os.pwrite(writing, os.pread(reading, end - place, place), place)
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def in_memory(folder: Path) -> Iterator[Path]:
    """A folder whose files are in memory, where a copy takes no longer than a disk's write.

    Whoever makes a mount namespace meanwhile gets a copy of every mount: what is unmounted in here
    is unmounted there too, and does not hold a loop device; the folder itself goes when they do.
    """
    run_program("mount", "-t", "tmpfs", "edgechain-faults", folder)
    try:
        run_program("mount", "--make-shared", folder)
        yield folder
    finally:
        run_program("umount", "--lazy", folder)


@contextmanager
def loop_disk(
    folder: Path, megabytes: int, options: str = "", writes_per_second: int = 0
) -> Iterator[LoopDisk]:
    """Make a disk in ``folder`` and mount it; ``writes_per_second`` slows it down where it can."""
    image, mount = folder / "disk.img", folder / "disk"
    mount.mkdir(parents=True)
    make_ext4(image, megabytes)
    device = Path(run_program("losetup", "--find", "--show", image))
    try:
        throttled = throttle(device, writes_per_second)
        try:
            run_program("mount", "-o", options or "defaults", device, mount)
            try:
                yield LoopDisk(image, mount, device)
            finally:
                if throttled:
                    throttle(device, 0)
                run_program("umount", mount)
        finally:
            if throttled:
                throttle(device, 0)
    finally:
        run_program("losetup", "--detach", device)


def make_ext4(image: Path, megabytes: int) -> None:
    """An empty file system; all of it is written now, nothing in the background later."""
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    sizes = ("-m", "0", "-J", "size=4", "-N", megabytes << 5)
    run_program("mkfs.ext4", "-q", "-F", *sizes, "-E", lazy, image)


def throttle(device: Path, writes_per_second: int) -> bool:
    """Let a device take so many writes a second, 0 for no limit; whether this machine can."""
    if not THROTTLE.exists():
        return False
    number = Path(f"/sys/block/{device.name}/dev").read_text().strip()
    THROTTLE.write_text(f"{number} {writes_per_second}\n")
    return True


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """Mount an image, which is removed at the end; its journal is replayed first.

    An image is another file every time: a loop device that is let go lives on for an instant, and
    for the same file it would be taken again with what it remembers of it.
    """
    at.mkdir(exist_ok=True)
    device = Path(run_program("losetup", "--find", "--show", image))
    try:
        run_program("mount", device, at)
        try:
            yield at
        finally:
            run_program("umount", at)
    finally:
        run_program("losetup", "--detach", device)
        image.unlink()
