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

_SILENT = 0
_logging = cv2 if hasattr(cv2, "setLogLevel") else vars(cv2.utils)["logging"]  # OpenCV 4, 5
_logging.setLogLevel(_SILENT)

__all__ = ["cv2"]
