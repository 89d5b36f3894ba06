"""Archives that are damaged, outputs called like an argument, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgechain.client.archives import read_npz, write_npz
from edgechain.errors import InvalidMedia


def test_damaged_compression_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez_compressed(path, x=np.arange(10_000))
    content = bytearray(path.read_bytes())
    content[60:120] = b"\xff" * 60
    path.write_bytes(content)
    with pytest.raises(InvalidMedia, match="cannot be read"):
        read_npz(path)


@pytest.mark.parametrize("name", ["file", "allow_pickle", "self", "a/b", "é"])
def test_an_output_may_be_called_anything(tmp_path: Path, name: str) -> None:
    path = tmp_path / "out.npz"
    value = np.arange(6, dtype=np.int16).reshape(2, 3)
    write_npz(path, {name: value, "scalar": np.float32(2)})  # type: ignore[dict-item]
    found = read_npz(path)
    np.testing.assert_array_equal(found[name], value)
    assert found[name].dtype == np.int16
    assert found["scalar"].shape == ()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InvalidMedia, match="cannot be written"):
        write_npz(tmp_path / "taken", {"x": np.zeros(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
