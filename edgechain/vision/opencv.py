"""Where OpenCV comes in, quietly: what a file's decoder complains about is our one line to say."""

from __future__ import annotations

import os

from edgechain.errors import MissingDependency

# Read by OpenCV when it opens its first video; FFmpeg's AV_LOG_QUIET is -8.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

try:
    import cv2
except ImportError as error:
    raise MissingDependency(
        "pictures need OpenCV, which is not installed here; pip install 'edgechain[vision]'"
    ) from error

cv2.setLogLevel(0)  # LOG_LEVEL_SILENT

__all__ = ["cv2"]
