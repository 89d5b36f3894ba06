"""Where frames come from: one picture, a folder, a glob or a video file.

A folder means the pictures in it (not in folders below, not hidden ones), in natural order: 9.jpg
before 10.jpg. What is named like no picture is no part of it. A picture there that cannot be read
becomes a ``BrokenFrame`` and the rest goes on; a single file that cannot be read raises.

Files are read and decoded in threads, one at a time, never on the event loop.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from edgechain.errors import InvalidMedia
from edgechain.spec.printable import printable
from edgechain.vision.fit import Picture
from edgechain.vision.pictures import holds_picture, is_picture, read_picture
from edgechain.vision.video import VideoReader

Clock = Callable[[], float]

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera image. ``index`` counts from 0 within the source.

    ``name`` is what people call it: the file's name, for a glob its path below the pattern's fixed
    part, for a video ``clip.mp4#12``. ``captured`` is the instant it was decoded, in seconds of
    the monotonic clock.
    """

    index: int
    name: str
    image: Picture
    captured: float


@dataclass(frozen=True, slots=True)
class BrokenFrame:
    """A frame that the source holds and nobody can read."""

    index: int
    name: str
    error: InvalidMedia


Frames = AsyncGenerator[Frame | BrokenFrame, None]


@dataclass(frozen=True, slots=True)
class PictureSource:
    """Picture files in a fixed order; ``names`` are relative paths, one for each."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]
    alone: bool = False
    """One picture, asked for by its name: not reading it is the whole run's failure."""

    async def frames(self, clock: Clock = time.monotonic) -> Frames:
        """Every picture once. Raises ``InvalidMedia`` when the only one cannot be read."""
        for index, (path, name) in enumerate(zip(self.paths, self.names, strict=True)):
            try:
                image = await asyncio.to_thread(read_picture, path)
            except InvalidMedia as error:
                if self.alone:
                    raise
                yield BrokenFrame(index, printable(name, " "), error)
            else:
                yield Frame(index, printable(name, " "), image, clock())


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A video file, known to open; ``rate`` is its frames a second."""

    path: Path
    rate: float

    @property
    def paths(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    async def frames(self, clock: Clock = time.monotonic) -> Frames:
        """Every frame the file holds, as fast as it is asked for. Raises ``InvalidMedia``."""
        reader = await asyncio.to_thread(VideoReader, self.path)
        try:
            index = 0
            while (image := await asyncio.to_thread(reader.read)) is not None:
                yield Frame(index, f"{printable(self.path.name, ' ')}#{index}", image, clock())
                index += 1
            if index == 0:
                raise InvalidMedia(f"{self.path}: the video holds no frame that can be read")
        finally:
            await asyncio.to_thread(reader.close)


Source = PictureSource | VideoSource


def open_source(text: str) -> Source:
    """What SOURCE means: a file, a folder, or else a glob (``**`` reaches into folders).

    Blocks for as long as it takes to list files. Raises ``InvalidMedia`` when nothing is there.
    """
    path = Path(text)
    try:
        if path.is_dir():
            return _folder(path)
        if path.exists():
            return _file(path)
        if _WILD & set(text):
            return _glob(text)
    except OSError as error:
        raise InvalidMedia(f"{path}: cannot be read: {(error.strerror or '').lower()}") from error
    except ValueError as error:  # a zero byte
        raise InvalidMedia(f"{text!r} is not the name of a file") from error
    raise InvalidMedia(f"{printable(text, ' ')}: no such file or folder")


def _file(path: Path) -> Source:
    if is_picture(path) or (path.is_file() and holds_picture(path)):
        return PictureSource((path,), (path.name,), alone=True)
    if not path.is_file() or path.stat().st_size == 0:
        raise InvalidMedia(f"{path}: cannot be read as a picture or video")
    with VideoReader(path) as reader:
        return VideoSource(path, reader.rate)


def _folder(folder: Path) -> PictureSource:
    return _pictures(list(folder.iterdir()), folder, f"{folder}: no pictures in this folder")


def _glob(pattern: str) -> PictureSource:
    base, below = _parted(pattern)
    return _pictures(list(base.glob(below)), base, f"{pattern}: no picture matches")


def _pictures(found: list[Path], base: Path, otherwise: str) -> PictureSource:
    wanted = [path for path in found if is_picture(path) and path.name[0] != "." and path.is_file()]
    if not wanted:
        raise InvalidMedia(otherwise)
    wanted.sort(key=lambda path: _natural(str(path)))
    names = tuple(path.relative_to(base).as_posix() for path in wanted)
    return PictureSource(tuple(wanted), names)


def _parted(pattern: str) -> tuple[Path, str]:
    """The folder of a glob before its first wildcard, and the rest."""
    parts = Path(pattern).parts
    first = next(at for at, part in enumerate(parts) if _WILD & set(part))
    return Path(*parts[:first]), str(Path(*parts[first:]))


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which numbers count as numbers."""
    parts = re.split(r"(\d+)", text.casefold())
    return tuple((1, int(p), "") if p.isdecimal() and p.isascii() else (0, 0, p) for p in parts)
