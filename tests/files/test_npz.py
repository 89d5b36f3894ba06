"""Archives of others: arrays one by one, and one line for whatever else there is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgechain.errors import InvalidMedia
from edgechain.files.npz import opened_npz


def test_arrays_are_read_one_by_one_and_known_before(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    value = np.arange(6, dtype=np.int16).reshape(2, 3)
    np.savez(path, x=value, deep=np.float32(2))
    with opened_npz(path) as archive:
        assert archive.names == ("x", "deep")
        assert archive.header("x") == ("int16", (2, 3))
        assert archive.header("deep") == ("float32", ())
        np.testing.assert_array_equal(archive.array("x"), value)


def test_a_large_array_is_known_without_being_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez_compressed(path, x=np.zeros(1 << 20, np.uint8))
    packed = path.read_bytes()
    end = packed.rindex(b"PK\x01\x02")
    path.write_bytes(packed[: end - 64] + b"\xff" * 64 + packed[end:])
    with opened_npz(path) as archive:
        assert archive.header("x") == ("uint8", (1 << 20,))
        with pytest.raises(InvalidMedia, match=r"in\.npz: key 'x' cannot be read: the archive is"):
            archive.array("x")


def test_objects_of_python_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, x=np.array([{}], dtype=object))
    with opened_npz(path) as archive, pytest.raises(InvalidMedia, match="'x' holds Python's"):
        archive.array("x")


def test_a_file_that_is_no_array_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with opened_npz(path) as found, pytest.raises(InvalidMedia, match=r"'notes\.txt' cannot be"):
        found.array("notes.txt")


def test_a_single_array_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InvalidMedia, match=r"is a single \.npy array"), opened_npz(path):
        pass
