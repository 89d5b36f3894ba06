"""A file is the old one or the new one, and nothing lies beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.files.drafts import draft_of


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def begin(path: Path, error: type[BaseException]) -> None:
    with draft_of(path) as draft:
        draft.write_text("ne")
        raise error


def test_the_new_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("old")
    with draft_of(path) as draft:
        draft.write_text("ne")
        assert path.read_text() == "old"
        draft.write_text("new")
        assert draft.suffix == ".yaml", "some libraries choose the format by it"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["plan.yaml"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_was_not_finished_leaves_the_old_file_alone(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("old")
    with pytest.raises(error):
        begin(path, error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["plan.yaml"]


def test_what_cannot_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError), draft_of(tmp_path / "taken") as draft:
        draft.write_text("new")
    assert names(tmp_path) == ["taken"]
    with pytest.raises(FileNotFoundError), draft_of(tmp_path / "absent" / "x"):
        raise AssertionError("there is no folder to write a draft to")


def test_others_may_read_it_as_they_might_read_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with draft_of(tmp_path / "new") as draft:
        draft.write_text("")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
