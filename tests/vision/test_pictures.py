"""Picture files: whole, turned, broken."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgechain.errors import InvalidMedia
from edgechain.vision.pictures import (
    decode_picture,
    holds_picture,
    is_picture,
    read_picture,
    write_picture,
)
from tests.vision.made import encoded, picture, turned


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".PNG"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    path, image = tmp_path / "new" / f"a{suffix}", picture(9, 13)
    write_picture(path, image)
    np.testing.assert_array_equal(read_picture(path), image)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_grey_and_transparent_become_rgb() -> None:
    _, grey = cv2.imencode(".png", np.full((4, 5), 77, np.uint8))
    assert decode_picture(grey.tobytes(), "x").tolist() == np.full((4, 5, 3), 77).tolist()
    _, clear = cv2.imencode(".png", np.full((4, 5, 4), 9, np.uint8))
    assert decode_picture(clear.tobytes(), "x").shape == (4, 5, 3)


def test_sixteen_bits_become_eight() -> None:
    _, deep = cv2.imencode(".png", np.full((4, 5, 3), 0x8000, np.uint16))
    found = decode_picture(deep.tobytes(), "x")
    assert (found.dtype.name, int(found[0, 0, 0])) == ("uint8", 128)


@pytest.mark.parametrize(("orientation", "shape"), [(1, (30, 50)), (3, (30, 50)), (6, (50, 30))])
def test_exif_turns_it_upright(orientation: int, shape: tuple[int, int]) -> None:
    image = np.zeros((30, 50, 3), np.uint8)
    image[:, :25] = 255  # the left half is white
    found = decode_picture(turned(encoded(".jpg", image), orientation), "x")
    assert found.shape[:2] == shape
    corner = {1: (5, 5), 3: (5, 45), 6: (5, 5)}[orientation]
    assert found[corner].min() > 250


def test_rubbish_behind_a_whole_jpeg_is_no_harm() -> None:
    whole = encoded(".jpg", picture(20, 20))
    assert decode_picture(whole + b"\xff\xda" + bytes(500), "x").shape == (20, 20, 3)


BROKEN = [
    (b"", "is empty"),
    (b"hello", "unknown format or damaged"),
    (encoded(".jpg", picture(60, 60))[:-200], "cut short"),
    (turned(encoded(".jpg", picture(60, 60)), 6)[:-2], "cut short"),
    (encoded(".png", picture(60, 60))[:-200], "cut short"),
    (encoded(".webp", picture(60, 60))[:-200], "damaged"),
    (encoded(".bmp", picture(60, 60))[:-200], "damaged"),
    (b"\xff\xd8\xff\xe0", "damaged"),
]


@pytest.mark.parametrize(("data", "reason"), BROKEN)
def test_what_is_no_picture(
    data: bytes, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(InvalidMedia, match=reason) as caught:
        read_picture(path)
    assert str(caught.value).startswith(f"{path}: cannot be read as a picture")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_bomb_is_refused() -> None:
    # A PNG that says it has 60000 x 60000 pixels.
    png = bytearray(encoded(".png", picture(4, 4)))
    png[16:24] = (60000).to_bytes(4) * 2
    with pytest.raises(InvalidMedia):
        decode_picture(bytes(png), "bomb.png")


def test_absent_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidMedia, match="no such file"):
        read_picture(tmp_path / "absent.png")
    with pytest.raises(InvalidMedia, match="is a directory"):
        read_picture(tmp_path)


def test_names_and_contents(tmp_path: Path) -> None:
    assert is_picture(Path("A.JPG"))
    assert not is_picture(Path("a.txt"))
    unnamed = tmp_path / "unnamed"
    write_picture(tmp_path / "a.png", picture(4, 4))
    (tmp_path / "a.png").rename(unnamed)
    assert holds_picture(unnamed)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidMedia, match="cannot write the picture"):
        write_picture(tmp_path / "file" / "a.png", picture(4, 4))
    with pytest.raises(InvalidMedia, match="cannot write the picture"):
        write_picture(tmp_path / "a.unknown", picture(4, 4))
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
