"""Video files to RGB frames and back."""

from __future__ import annotations

import codecs
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np

from edgechain.errors import InvalidMedia
from edgechain.vision.fit import Picture
from edgechain.vision.opencv import cv2

DEFAULT_RATE = 25.0
"""Frames a second for a video that does not say: PAL's."""


class VideoReader:
    """The frames of a video file, one after the other; close it.

    ``close`` from another thread waits for a ``read`` under way: OpenCV would crash.
    """

    def __init__(self, path: Path):
        """Open the file. Raises ``InvalidMedia`` when OpenCV finds no video in it."""
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture()
        if _is_text(path) or not self._capture.open(str(path)):
            self._capture.release()
            raise InvalidMedia(f"{path}: cannot be read as a picture or video")
        self.rate = _rate(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Picture | None:
        """The next frame, turned as the file says, or ``None`` after the last readable one."""
        with self._lock:
            ok, frame = self._capture.read()
        if not ok or frame is None:
            return None
        picture: Picture = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        return picture

    def close(self) -> None:
        """Release the file; may be called twice. ``read`` then finds no frame."""
        with self._lock:
            self._capture.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class VideoWriter:
    """An MPEG-4 video in the making. It appears under its name when it is closed."""

    def __init__(self, path: Path, width: int, height: int, rate: float):
        """Begin the file. Raises ``InvalidMedia`` when this OpenCV cannot write such videos."""
        self._path, self._part = path, path.with_name(f".{path.name}.part{path.suffix}")
        self._size = (width, height)
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer: Any = cv2.VideoWriter(str(self._part), code, rate, self._size)
        if not self._writer.isOpened():
            self._part.unlink(missing_ok=True)
            raise InvalidMedia(f"{path}: this OpenCV cannot write MPEG-4 video")

    def write(self, picture: Picture) -> None:
        """Append one frame; one of another size is resized to the first's."""
        frame = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        if frame.shape[1::-1] != self._size:
            frame = cv2.resize(frame, self._size)
        self._writer.write(np.ascontiguousarray(frame))

    def close(self) -> None:
        """Finish the file; may be called twice."""
        self._writer.release()
        if self._part.exists():
            self._part.replace(self._path)


def _is_text(path: Path) -> bool:
    """Whether the file begins as text: FFmpeg would show it as a terminal does, line by line."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        # Incremental, because the last character may be cut in two.
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidMedia(f"{path}: cannot be read: {reason}") from error


def _rate(told: float) -> float:
    return told if 0 < told <= 1000 else DEFAULT_RATE
