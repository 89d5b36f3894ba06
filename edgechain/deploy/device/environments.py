"""Python environments, made on the device from wheels that are here, without a network.

An environment is named by the SHA-256s of its wheels and the Python it is for, so equal wheels
share one. It is made in its place, because what is installed knows where it is, and counts only
when ``.complete`` is in it: that is written last, after all the rest is on the disk. From then on
nobody changes it. One that broke off is found by ``drop_unfinished`` and made again.

pip does the installing and is one of the wheels itself, so a device needs no more than Python's
``venv``. pip may write nowhere but in the environment: its home and its drafts are there.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edgechain.deploy.device import disk
from edgechain.deploy.device.commands import run
from edgechain.deploy.device.listing import Wheel
from edgechain.deploy.device.refusal import Invalid, Refused

if TYPE_CHECKING:
    from edgechain.deploy.device.store import Store

COMPLETE = ".complete"
PIP = "pip-"
"""How the name of pip's own wheel begins (PEP 427)."""

_VENV = """
import sys, venv
class Bare(venv.EnvBuilder):
    def setup_scripts(self, context):
        pass
Bare(symlinks=True).create(sys.argv[1])
"""
"""As ``python3 -m venv --without-pip``, without scripts for shells, which nobody needs there: from
trixie on Debian has them in a package of their own, and Raspberry Pi OS Lite may not."""

VENV_SECONDS = 300.0
PIP_SECONDS = 1800.0
"""A slow card and a slow processor unpack and compile 150 MB in a tenth of this."""

Say = Callable[[str], None]


class Environments:
    """The environments below one folder, which is made for the first one."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, wheels: Iterable[Wheel]) -> Path:
        """Where the environment of these wheels is, or would be."""
        named = [sys.implementation.cache_tag, sorted(wheel.sha256 for wheel in wheels)]
        return self.folder / hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]

    def is_complete(self, wheels: Iterable[Wheel]) -> bool:
        """Whether it can be used. The Python it was made with may have gone since."""
        path = self.path(wheels)
        is_ours = not path.is_symlink() and (path / COMPLETE).is_file()
        return is_ours and python_of(path).exists()

    def keep_only(self, wanted: Iterable[Iterable[Wheel]], keep: Collection[str] = ()) -> None:
        """Remove all but the environments of these lists of wheels, and those named in ``keep``."""
        names = {self.path(wheels).name for wheels in wanted}
        for path in disk.entries(self.folder):
            if path.name not in names and path.name not in keep:
                disk.remove(path)

    def drop_unfinished(self) -> None:
        """Remove what was not finished."""
        for path in disk.entries(self.folder):
            if disk.is_draft(path.name) or not (path / COMPLETE).is_file():
                disk.remove(path)


def python_of(environment: Path) -> Path:
    """The Python of an environment."""
    return environment / "bin" / "python"


def make(store: Store, wheels: Sequence[Wheel], say: Say = lambda _: None) -> Path:
    """The environment of these wheels, made from blobs unless it is there; its folder.

    Raises ``Refused`` or ``OSError``; then nothing of it is left. ``say`` is told what begins.
    """
    path = store.environments.path(wheels)
    if store.environments.is_complete(wheels):
        return path
    blobs = [store.blobs.check(one.sha256, one.size, one.name) for one in wheels]
    store.require_space(
        sum(map(_unpacked, blobs, wheels)), [path.name, *(one.sha256 for one in wheels)]
    )
    disk.folder(path.parent)
    if path.exists():
        disk.remove(path)
    disk.folder(path)
    try:
        say("making the environment")
        command: list[str | Path] = [sys.executable, "-I", "-c", _VENV, path]
        run("Python's venv (Debian: apt install python3-venv)", command, VENV_SECONDS)
        _install(path, wheels, blobs, say)
        say("writing it to the disk")
        disk.sync_tree(path)
        disk.write(path / COMPLETE, b"")
    except BaseException:
        with suppress(OSError):
            disk.remove(path)
        raise
    return path


def _install(path: Path, wheels: Sequence[Wheel], blobs: Sequence[Path], say: Say) -> None:
    wanted = [wheel.name for wheel in wheels if not wheel.name.startswith(PIP)]
    if not wanted:
        return
    tools = [wheel.name for wheel in wheels if wheel.name.startswith(PIP)]
    if not tools:
        raise Invalid("there is no wheel of pip among the wheels, and it installs the others")
    place = path / ".wheels"
    disk.folder(place)
    for wheel, blob in zip(wheels, blobs, strict=True):
        disk.link(place / wheel.name, blob)
    say(f"installing {len(wanted)} wheels")
    options = ["--isolated", "--no-index", "--no-deps", "--no-cache-dir", "--no-input"]
    command: list[str | Path] = [
        python_of(path),
        "-I",
        place / tools[0] / "pip",
        "install",
        *options,
    ]
    command += ["--disable-pip-version-check", "--no-warn-script-location", "--quiet"]
    command += [place / name for name in wanted]
    run("pip", command, PIP_SECONDS, {"HOME": str(place), "TMPDIR": str(place)})
    disk.remove(place)


def _unpacked(blob: Path, wheel: Wheel) -> int:
    """Bytes that a wheel takes installed: its files, and its modules compiled."""
    if wheel.name.startswith(PIP):
        return 0
    try:
        with zipfile.ZipFile(blob) as archive:
            return sum(
                info.file_size * (2 if info.filename.endswith(".py") else 1)
                for info in archive.infolist()
            )
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Refused(f"{wheel.name} is not a wheel: {error}") from None
