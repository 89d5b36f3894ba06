from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import InvalidModel
from edgechain.model.source import parse_model, read_model
from tests.model.made import row


def test_a_model_is_read_with_its_name_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "row.tflite"
    path.write_bytes(row().content())
    model = read_model(path)
    assert model.file == "row.tflite"
    assert model.sha256 == parse_model(row().content()).sha256
    assert len(model.main.operators) == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"not a model at all, just text", "not a .tflite file"),
        (b"\x1c\0\0\0TFL3", "not a .tflite file"),
        (b"\x1c\0\0\0TFL3" + bytes(100), "damaged|no subgraph"),
    ],
)
def test_what_is_no_model_is_said_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match=said) as caught:
        read_model(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="is a directory"):
        read_model(tmp_path)
    with pytest.raises(InvalidModel, match="no such file"):
        read_model(tmp_path / "none.tflite")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_truncated_model_is_refused(share: float) -> None:
    content = row(8).content()
    with pytest.raises(InvalidModel):
        parse_model(content[: int(len(content) * share)])
