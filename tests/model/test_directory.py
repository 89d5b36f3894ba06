from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import InvalidChain
from edgechain.model.directory import check_target, write_directory

FILES = {"chain.yaml": b"format: 1\n", "stage0.tflite": b"model"}


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_chain_is_written_and_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "chain"
    write_directory(target, FILES)
    check_target(target)
    write_directory(target, {"chain.yaml": b"other"})
    assert names(target) == ["chain.yaml"]
    assert names(target.parent) == ["chain"]


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    target = tmp_path / "chain"
    target.mkdir()
    check_target(target)
    write_directory(target, FILES)
    assert names(target) == ["chain.yaml", "stage0.tflite"]


def test_what_is_not_a_chain_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidChain, match="not empty and not a chain"):
        check_target(tmp_path)
    with pytest.raises(InvalidChain, match="is a file"):
        check_target(tmp_path / "letter.txt")


def test_a_chain_with_something_else_inside_is_left_alone(tmp_path: Path) -> None:
    write_directory(tmp_path / "chain", {**FILES, "notes.txt": b"mine"})
    with pytest.raises(InvalidChain, match=r"would delete notes\.txt"):
        check_target(tmp_path / "chain")


def test_the_model_itself_is_never_replaced(tmp_path: Path) -> None:
    write_directory(tmp_path / "chain", FILES)
    with pytest.raises(InvalidChain, match=r"would delete stage0\.tflite"):
        check_target(tmp_path / "chain", keep=tmp_path / "chain" / "stage0.tflite")


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    write_directory(tmp_path / "chain", FILES)
    with pytest.raises(InvalidChain, match="cannot be written"):
        write_directory(tmp_path / "chain", {"chain.yaml": b"new", "no/such/folder": b""})
    assert names(tmp_path) == ["chain"]
    assert (tmp_path / "chain" / "chain.yaml").read_bytes() == FILES["chain.yaml"]


def test_a_failing_swap_puts_the_old_chain_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_directory(tmp_path / "chain", FILES)
    rename = Path.rename

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.suffix == ".new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(KeyboardInterrupt):
        write_directory(tmp_path / "chain", {"chain.yaml": b"new"})
    assert names(tmp_path) == ["chain"]
    assert names(tmp_path / "chain") == ["chain.yaml", "stage0.tflite"]
