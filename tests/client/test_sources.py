"""What SOURCE may be, and what comes out of it."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from edgechain.client.sources import (
    BrokenFrame,
    Frame,
    PictureSource,
    Source,
    VideoSource,
    open_source,
)
from edgechain.errors import InvalidMedia
from edgechain.vision.pictures import write_picture
from edgechain.vision.video import VideoWriter
from tests.vision.made import picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 1, 9, 10 and a broken 2, beside what is no picture, and one below."""
    for number in (10, 9, 1):
        write_picture(tmp_path / f"p{number}.png", picture(8, 9, number))
    (tmp_path / "p2.jpg").write_bytes(b"no jpeg")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._p1.png").write_bytes(b"what a Mac leaves")
    (tmp_path / "folder.png").mkdir()
    write_picture(tmp_path / "below" / "p3.png", picture(8, 9))
    return tmp_path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of three frames."""
    writer = VideoWriter(tmp_path / "clip.mp4", 64, 48, 10.0)
    for seed in range(3):
        writer.write(picture(48, 64, seed))
    writer.close()
    return tmp_path / "clip.mp4"


def open_files() -> set[Path]:
    return {entry.resolve() for entry in Path("/proc/self/fd").iterdir()}


async def opened(path: Path | str) -> Source:
    return await asyncio.to_thread(open_source, str(path))


async def told(path: Path | str) -> list[Frame | BrokenFrame]:
    source = await opened(path)
    async with aclosing(source.frames(lambda: 7.0)) as frames:
        return [frame async for frame in frames]


async def names(path: Path | str) -> list[str]:
    return [frame.name for frame in await told(path)]


async def test_one_picture(folder: Path) -> None:
    (frame,) = await told(folder / "p9.png")
    assert isinstance(frame, Frame)
    assert (frame.index, frame.name, frame.captured) == (0, "p9.png", 7.0)
    np.testing.assert_array_equal(frame.image, picture(8, 9, 9))


async def test_a_folder_in_natural_order_with_what_is_broken(folder: Path) -> None:
    frames = await told(folder)
    assert [frame.name for frame in frames] == ["p1.png", "p2.jpg", "p9.png", "p10.png"]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    broken = frames[1]
    assert isinstance(broken, BrokenFrame)
    assert str(folder / "p2.jpg") in str(broken.error)
    assert sum(isinstance(frame, BrokenFrame) for frame in frames) == 1


async def test_globs(folder: Path) -> None:
    assert await names(f"{folder}/p*.png") == ["p1.png", "p9.png", "p10.png"]
    assert await names(f"{folder}/p[12].*") == ["p1.png", "p2.jpg"]
    assert await names(f"{folder}/**/p?.png") == ["below/p3.png", "p1.png", "p9.png"]


async def test_a_name_that_looks_like_a_glob(folder: Path) -> None:
    strange = folder / "a[1].png"
    await asyncio.to_thread(write_picture, strange, picture(4, 4))
    assert await names(strange) == ["a[1].png"]


def test_a_picture_without_a_suffix(folder: Path) -> None:
    (folder / "p9.png").rename(folder / "photo")
    assert isinstance(open_source(str(folder / "photo")), PictureSource)


async def test_a_video(clip: Path) -> None:
    source = await opened(clip)
    assert isinstance(source, VideoSource)
    assert source.rate == 10.0
    frames = await told(clip)
    assert [frame.name for frame in frames] == ["clip.mp4#0", "clip.mp4#1", "clip.mp4#2"]
    assert all(isinstance(f, Frame) and f.image.shape == (48, 64, 3) for f in frames)


async def test_a_video_left_early_is_closed(clip: Path) -> None:
    source = await opened(clip)
    async with aclosing(source.frames()) as frames:
        await anext(frames)
        assert clip in await asyncio.to_thread(open_files)
    assert clip not in await asyncio.to_thread(open_files)


async def test_a_picture_alone_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(InvalidMedia, match="cannot be read as a picture"):
        await told(folder / "p2.jpg")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("absent.jpg", "no such file or folder"),
        ("none*.jpg", "no picture matches"),
        ("notes.txt", "cannot be read as a picture or video"),
        ("p1.png/x", "no such file or folder"),
        ("zero\0byte", "no such file or folder"),
    ],
)
def test_what_is_no_source(folder: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidMedia, match=reason) as caught:
        open_source(str(folder / text))
    assert str(caught.value).isprintable()


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InvalidMedia, match="no pictures in this folder"):
        open_source(str(tmp_path))


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidMedia, match="cannot be read"):
        open_source(str(tmp_path / "pipe"))


async def test_a_name_cannot_steer_the_terminal(folder: Path) -> None:
    strange = folder / "a\x1b[31m.png"
    await asyncio.to_thread(write_picture, strange, picture(4, 4))
    assert "a [31m.png" in await names(folder)
