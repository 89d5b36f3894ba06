"""Video files, written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.vision.video import VideoReader, VideoWriter
from tests.vision.made import picture


def grey(level: int) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), level, np.uint8)


def test_frames_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    writer = VideoWriter(path, 64, 48, 10.0)
    for level in (0, 100, 200):
        writer.write(grey(level))
    assert not path.exists()
    writer.close()
    writer.close()
    with VideoReader(path) as reader:
        assert reader.rate == 10.0
        found = [reader.read() for _ in range(4)]
    assert found[3] is None
    levels = [int(frame.mean()) for frame in found if frame is not None]
    assert np.abs(np.array(levels) - [0, 100, 200]).max() < 12


def test_a_frame_of_another_size_is_fitted(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 64, 48, 10.0)
    writer.write(picture(48, 64))
    writer.write(picture(96, 100))
    writer.close()
    with VideoReader(tmp_path / "a.mp4") as reader:
        frames = [reader.read() for _ in range(3)]
    assert [frame.shape for frame in frames if frame is not None] == [(48, 64, 3)] * 2


def test_after_close_there_is_no_frame(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 64, 48, 10.0)
    writer.write(grey(5))
    writer.close()
    reader = VideoReader(tmp_path / "a.mp4")
    reader.close()
    reader.close()
    assert reader.read() is None


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 900, ("ä" * 4095).encode(), bytes(5000), b"\xe9\xff" * 900]
)
def test_what_is_no_video(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(InvalidMedia, match="cannot be read as a picture or video"):
        VideoReader(path)
    assert capfd.readouterr().err == ""


def test_a_video_cut_short(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", 64, 48, 10.0)
    for seed in range(5):
        writer.write(picture(48, 64, seed))
    writer.close()
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidMedia):
        VideoReader(tmp_path / "a.mp4")
    assert capfd.readouterr().err == ""


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(InvalidMedia, match="no such file"):
        VideoReader(tmp_path / "absent.mp4")
