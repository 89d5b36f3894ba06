"""Picture files to RGB arrays and back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from edgechain.errors import InvalidMedia
from edgechain.files.drafts import draft_of
from edgechain.vision.fit import Picture
from edgechain.vision.opencv import cv2

READABLE = frozenset(
    {".bmp", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Suffixes that name a picture, in lower case."""

WRITABLE = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Suffixes that annotated pictures keep."""

MAX_PICTURE_BYTES = 256 << 20
"""A 64-megapixel photograph without compression is 192 MB; larger is no camera's frame."""

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def is_picture(path: Path) -> bool:
    """Whether the file's name says that it holds a picture."""
    return path.suffix.lower() in READABLE


def holds_picture(path: Path) -> bool:
    """Whether the file's first bytes are those of a picture, whatever it is called."""
    return bool(cv2.haveImageReader(str(path)))


def read_picture(path: Path) -> Picture:
    """Read one picture: 8 bits a channel, turned upright as its EXIF orientation says.

    Grey becomes RGB, transparency is left out. Raises ``InvalidMedia`` in one line.
    """
    return decode_picture(_read(path), str(path))


def decode_picture(data: bytes, name: str) -> Picture:
    """The picture in a file's bytes. Raises ``InvalidMedia`` naming ``name``."""
    if not data:
        raise InvalidMedia(f"{name}: cannot be read as a picture: the file is empty")
    if _is_cut_short(data):
        raise InvalidMedia(f"{name}: cannot be read as a picture: the file is cut short")
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        reason = "too large" if "CV_IO_MAX_IMAGE" in str(error) else "damaged"
        raise InvalidMedia(f"{name}: cannot be read as a picture: it is {reason}") from error
    if found is None:
        raise InvalidMedia(f"{name}: cannot be read as a picture: unknown format or damaged")
    picture: Picture = cv2.cvtColor(found, cv2.COLOR_BGR2RGB)
    return picture


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture in the format of the path's suffix: whole or not at all.

    Raises ``InvalidMedia`` when it cannot be written.
    """
    try:
        _, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(path) as draft:
            draft.write_bytes(data.tobytes())
    except (OSError, cv2.error) as error:
        reason = getattr(error, "strerror", None) or "OpenCV cannot encode it"
        raise InvalidMedia(f"{path}: cannot write the picture: {reason.lower()}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_PICTURE_BYTES:
                raise InvalidMedia(f"{path}: cannot be read as a picture: the file is too large")
            return file.read()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidMedia(f"{path}: cannot be read: {reason}") from error


def _is_cut_short(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end. OpenCV would fill with grey, and libpng print a line."""
    if data.startswith(_PNG):
        return b"IEND" not in data
    if data.startswith(_JPEG):
        scan = _first_scan(data)
        # Inside coded pixels FF is always followed by 00 or a restart mark (ITU-T T.81, B.1.1.5).
        return scan is not None and data.find(b"\xff\xd9", scan) < 0
    return False


def _first_scan(data: bytes) -> int | None:
    """Where a JPEG's first coded pixels begin, past segments that may hold a whole thumbnail."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        length = int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] == 0xDA:
            return at + 2 + length
        at += 2 + length
    return None
