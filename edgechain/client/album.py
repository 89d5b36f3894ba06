"""Where annotated frames go: under the source's names, in a folder of their own.

A picture keeps its name (and its format, or becomes PNG), a video becomes one MPEG-4 file, or
numbered pictures where this OpenCV cannot write one. No file of the source is ever replaced.
"""

from __future__ import annotations

from pathlib import Path

from edgechain.client.sources import Frame, Source, VideoSource
from edgechain.errors import InvalidMedia
from edgechain.vision.fit import Picture
from edgechain.vision.pictures import WRITABLE, write_picture
from edgechain.vision.video import VideoWriter


class Album:
    """Annotated frames of one source in one folder. For one caller at a time; close it."""

    def __init__(self, folder: Path, source: Source):
        """Plan, and write nothing yet: the folder is made for the first frame.

        Raises ``InvalidMedia`` where a file of the source would be replaced, or where the folder
        cannot be.
        """
        self._folder, self._source = folder, source
        self._video: VideoWriter | None = None
        self._pictures_only = False
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not nearest.is_dir():
            raise InvalidMedia(f"{folder}: cannot be made a folder: {nearest} is a file")
        self._targets = self._planned()
        self._protect()

    def save(self, frame: Frame, picture: Picture) -> Path:
        """Write one annotated frame; says where. Blocks. Raises ``InvalidMedia``."""
        self._make_folder()
        if isinstance(self._source, VideoSource):
            return self._save_in_video(frame, picture)
        target = self._targets[frame.index]
        write_picture(target, picture)
        return target

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InvalidMedia(f"{self._folder}: cannot be made a folder: {reason}") from error

    def close(self) -> None:
        """Finish the video, if there is one; may be called twice."""
        if self._video is not None:
            self._video.close()
            self._video = None

    def _planned(self) -> list[Path]:
        if isinstance(self._source, VideoSource):
            return [self._folder / f"{self._source.path.stem}.mp4"]
        names = (Path(name) for name in self._source.names)
        return [
            self._folder / (name if _keeps(name) else name.with_name(f"{name.name}.png"))
            for name in names
        ]

    def _protect(self) -> None:
        originals = {_identity(path) for path in self._source.paths}
        for target in self._targets:
            if _identity(target) in originals - {None}:
                raise InvalidMedia(
                    f"{target} is a picture of the source and would be replaced; save elsewhere"
                )

    def _save_in_video(self, frame: Frame, picture: Picture) -> Path:
        if not self._pictures_only and self._video is None:
            self._begin_video(picture)
        if self._video is not None:
            self._video.write(picture)
            return self._targets[0]
        stem = self._targets[0].stem
        target = self._folder / f"{stem}-{frame.index:06d}.jpg"
        write_picture(target, picture)
        return target

    def _begin_video(self, first: Picture) -> None:
        height, width = first.shape[:2]
        rate = self._source.rate if isinstance(self._source, VideoSource) else 0.0
        try:
            self._video = VideoWriter(self._targets[0], width, height, rate)
        except InvalidMedia:
            self._pictures_only = True


def _keeps(name: Path) -> bool:
    return name.suffix.lower() in WRITABLE


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode: the same for every name, link or path of one file; ``None`` if absent."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_dev, told.st_ino
