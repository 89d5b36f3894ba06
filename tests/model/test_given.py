from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgechain.errors import InvalidMedia
from edgechain.model.given import read_given
from tests.model import special
from tests.model.made import row

RIGHT = np.ones((1, 4), np.float32)


def given(tmp_path: Path, **arrays: Any) -> Any:
    made = row(2)
    made.sign("serve", {"x": 0}, {"y": 3})
    np.savez(tmp_path / "in.npz", **arrays)
    return read_given(tmp_path / "in.npz", made.model())


@pytest.mark.parametrize("key", ["x", "input"])
def test_signature_and_tensor_names_are_both_taken(tmp_path: Path, key: str) -> None:
    assert given(tmp_path, **{key: RIGHT})[0].tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"z": RIGHT}, "key 'z' is no input of the model; it takes 'x'"),
        ({}, "input 'x' is missing"),
        ({"x": RIGHT, "input": RIGHT}, "input 'x' is given twice"),
        ({"x": RIGHT.astype(np.float64)}, "key 'x' is float64, wants float32"),
        ({"x": RIGHT[:, :3]}, "key 'x' has shape 1x3, wants 1x4"),
        ({"x": np.array([None])}, "key 'x' is object"),
    ],
)
def test_what_does_not_fit_is_said_with_its_key(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidMedia, match=said):
        given(tmp_path, **arrays)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04junk", b"text", b"\x93NUMPY"])
def test_what_is_no_archive_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InvalidMedia, match=r"bad\.npz: is not an \.npz archive"):
        read_given(tmp_path / "bad.npz", row(1).model())
    with pytest.raises(InvalidMedia, match="no such file"):
        read_given(tmp_path / "none.npz", row(1).model())


def test_a_damaged_archive_is_said(tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / "in.npz", input=np.random.default_rng(1).random((1, 4), np.float32)
    )
    content = bytearray((tmp_path / "in.npz").read_bytes())
    content[60:90] = bytes(30)
    (tmp_path / "in.npz").write_bytes(content)
    with pytest.raises(InvalidMedia):
        read_given(tmp_path / "in.npz", row(1).model())


def test_an_open_batch_takes_any(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", input=np.ones((7, 4), np.float32))
    assert read_given(tmp_path / "in.npz", special.open_batch().model())[0].shape == (7, 4)
