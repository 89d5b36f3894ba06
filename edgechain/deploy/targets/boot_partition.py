"""The boot partition of a Raspberry Pi's SD card: whether a folder is one, and what starts from it.

It only looks. What does not look like one in every respect is refused, and so is whatever this
machine itself starts from; raw devices are never opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgechain.deploy.cloud_init import FOLDER, META_DATA, USER_DATA
from edgechain.deploy.platform import Platform
from edgechain.errors import CannotReach

MOUNTS = Path("/proc/mounts")
FAT = frozenset({"vfat", "msdos"})
"""What the kernel calls FAT file systems. The boot ROM reads no other."""

OF_THIS_MACHINE = Path("/boot")

WANTED = {
    "config.txt": "config.txt",
    "cmdline.txt": "cmdline.txt",
    "a kernel (kernel*.img)": "kernel*.img",
    "a device tree (bcm27*.dtb)": "bcm27*.dtb",
}
"""What the firmware starts from, by what it is called and by pattern; every Pi since the second
that runs 64 bits is a BCM27xx."""

OF_32_BITS = ("kernel.img", "kernel7.img", "kernel7l.img")
"""Kernels that only a 32-bit Raspberry Pi OS brings (pi-gen, stage0); the 64-bit one has
kernel8.img and kernel_2712.img."""

TRIXIE_PYTHON = "3.13"
MACHINE = "aarch64"

_ISSUE = re.compile(r"\b(20\d\d-\d\d-\d\d)\b")
_PINNED = re.compile(r"(^|\s)ds=nocloud\S*;(i|instance-id)=", re.ASCII)
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class BootPartition:
    """A boot partition. ``because`` says why its system is taken to have this ``platform``."""

    path: Path
    platform: Platform
    because: str
    pinned: bool
    """Whether the kernel's command line says which instance it is, whatever ``meta-data`` says."""


@dataclass(frozen=True, slots=True)
class _Mount:
    point: Path
    kind: str
    options: frozenset[str]


def look_at(path: Path, mounts: Path = MOUNTS) -> BootPartition:
    """The boot partition at ``path``: where it is mounted, or a folder that an image is made of.

    Raises ``CannotReach`` in one line: what is missing, what to do.
    """
    here = _folder(path)
    _require_not_ours(here)
    _require_fat(here, _mounted(here, mounts))
    missing = [name for name, pattern in WANTED.items() if not any(here.glob(pattern))]
    if missing:
        lacks = _and(missing)
        raise CannotReach(f"{here}: no boot partition of a Raspberry Pi: {lacks} missing; {_MOUNT}")
    if (here / FOLDER).is_symlink():
        raise CannotReach(f"{here / FOLDER}: is a link; edgechain writes into its own folder only")
    _require_trixie(here)
    return BootPartition(
        path=here,
        platform=Platform(TRIXIE_PYTHON, MACHINE),
        because=_because(here),
        pinned=_PINNED.search(_text(here / "cmdline.txt")) is not None,
    )


_MOUNT = "mount the card's first partition (bootfs) and give its folder"


def _folder(path: Path) -> Path:
    if path.is_dir():
        return path.resolve()
    if not path.exists():
        raise CannotReach(f"{path}: is not there; {_MOUNT}")
    reason = "is no folder, and edgechain writes no raw devices and no images"
    raise CannotReach(f"{path}: {reason}; {_MOUNT}")


def _require_not_ours(here: Path) -> None:
    if here == Path(here.anchor) or here.is_relative_to(OF_THIS_MACHINE):
        raise CannotReach(f"{here}: is what this machine itself starts from; {_MOUNT}")


def _require_fat(here: Path, mount: _Mount | None) -> None:
    if mount is None or mount.point != here:
        return  # a folder that an image is made of
    if mount.kind not in FAT:
        raise CannotReach(f"{here}: is {mount.kind}, and a boot partition is FAT; {_MOUNT}")
    if "ro" in mount.options:
        reason = "is mounted read-only; slide the card's lock back, or repair it (fsck.vfat)"
        raise CannotReach(f"{here}: {reason}, and mount it again")


def _require_trixie(here: Path) -> None:
    absent = [name for name in (USER_DATA, META_DATA) if not (here / name).is_file()]
    if absent:
        reason = "its system reads no cloud-init files, as Raspberry Pi OS does since Trixie"
        raise CannotReach(f"{here}: {reason}: {_and(absent)} missing; write that to the card first")
    if any((here / name).exists() for name in OF_32_BITS):
        reason = "has a 32-bit system, and edgechain is installed on 64-bit ones"
        raise CannotReach(f"{here}: {reason}; write the 64-bit Raspberry Pi OS to the card first")


def _because(here: Path) -> str:
    dated = _ISSUE.search(_text(here / "issue.txt"))
    system = f"Raspberry Pi OS of {dated[1]}" if dated else "Raspberry Pi OS"
    return f"{system} with cloud-init and 64-bit kernels, taken for Trixie"


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: 1 << 16].decode(errors="replace")
    except OSError:
        return ""


def _and(names: list[str]) -> str:
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names)} {verb}"


def _mounted(here: Path, mounts: Path) -> _Mount | None:
    """The file system that ``here`` is on, the last one mounted there; None where nobody says."""
    found = None
    for line in _text(mounts).splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1]))
        nearer = found is None or len(point.parts) >= len(found.point.parts)
        if here.is_relative_to(point) and nearer:
            found = _Mount(point, fields[2], frozenset(fields[3].split(",")))
    return found
