"""Annotated frames under the source's names, and never over the source."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edgechain.client import album as module
from edgechain.client.album import Album
from edgechain.client.sources import Frame, VideoSource, open_source
from edgechain.errors import InvalidMedia
from edgechain.vision.pictures import read_picture, write_picture
from edgechain.vision.video import VideoReader
from tests.vision.made import picture


def frame(index: int) -> Frame:
    return Frame(index, f"frame {index}", picture(48, 64, index), 0.0)


def saved(album: Album, index: int) -> Path:
    return album.save(frame(index), frame(index).image)


def test_pictures_keep_their_names_and_places(tmp_path: Path) -> None:
    for name in ("a.png", "b/a.png", "c.jpg", "d.ppm"):
        write_picture(tmp_path / "in" / name, picture(4, 4)) if "ppm" not in name else (
            tmp_path / "in" / name
        ).write_bytes(b"P6 1 1 255 abc")
    album = Album(tmp_path / "out", open_source(f"{tmp_path}/in/**/*.*"))
    told = [saved(album, index).relative_to(tmp_path / "out") for index in range(4)]
    assert [str(path) for path in told] == ["a.png", "b/a.png", "c.jpg", "d.ppm.png"]
    np.testing.assert_array_equal(read_picture(tmp_path / "out" / "b" / "a.png"), frame(1).image)


@pytest.mark.parametrize("how", ["same folder", "symlinked folder", "symlink", "hard link"])
def test_the_source_is_never_replaced(tmp_path: Path, how: str) -> None:
    original = tmp_path / "in" / "a.png"
    write_picture(original, picture(4, 4))
    out = tmp_path / "out"
    match how:
        case "same folder":
            out = tmp_path / "in"
        case "symlinked folder":
            out.symlink_to(tmp_path / "in")
        case "symlink":
            out.mkdir()
            (out / "a.png").symlink_to(original)
        case _:
            out.mkdir()
            os.link(original, out / "a.png")
    before = original.read_bytes()
    with pytest.raises(InvalidMedia, match="would be replaced; save elsewhere"):
        Album(out, open_source(str(tmp_path / "in")))
    assert original.read_bytes() == before


def test_saving_again_replaces_what_was_saved(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", picture(4, 4))
    for index in (0, 0):
        saved(Album(tmp_path / "out", open_source(str(tmp_path / "a.png"))), index)
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["a.png"]


def test_a_video_becomes_a_video(tmp_path: Path) -> None:
    album = Album(tmp_path, VideoSource(Path("x/clip.avi"), 12.0))
    for index in range(3):
        assert saved(album, index) == tmp_path / "clip.mp4"
    album.close()
    album.close()
    with VideoReader(tmp_path / "clip.mp4") as reader:
        assert reader.rate == 12.0
        assert sum(reader.read() is not None for _ in range(5)) == 3


def test_a_video_that_cannot_be_written_becomes_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InvalidMedia("no codec")

    monkeypatch.setattr(module, "VideoWriter", refuse)
    album = Album(tmp_path, VideoSource(Path("x/clip.avi"), 12.0))
    told = [saved(album, index).name for index in range(2)]
    album.close()
    assert told == ["clip-000000.jpg", "clip-000001.jpg"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidMedia, match="cannot be made a folder"):
        Album(tmp_path / "file", VideoSource(Path("clip.avi"), 12.0))
