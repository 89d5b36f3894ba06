"""Files that change all together, or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgechain.deploy.device_drafts import device_drafts
from edgechain.errors import InvalidDocument


def test_nothing_changes_before_it_is_settled_and_then_only_what_differs(tmp_path: Path) -> None:
    one, two, link = tmp_path / "one.yaml", tmp_path / "two.yaml", tmp_path / "link.yaml"
    one.write_text("old")
    one.chmod(0o640)
    two.write_text("same")
    real = tmp_path / "real.txt"
    real.write_text("old")
    link.symlink_to(real)
    before = two.stat().st_mtime_ns
    with device_drafts({one: "new", two: "same", link: "linked"}) as drafts:
        assert (one.read_text(), drafts.files) == ("old", (one, link))
        drafts.settle()
        assert drafts.is_settled
    assert (one.read_text(), real.read_text(), two.stat().st_mtime_ns) == ("new", "linked", before)
    assert link.is_symlink()
    assert one.stat().st_mode & 0o777 == 0o640
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_not_settled_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("old")
    with device_drafts({file: "new"}) as drafts:
        assert not drafts.is_settled
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_what_somebody_changed_meanwhile_stays_and_the_others_change(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.yaml", tmp_path / "other.yaml"
    for file in (mine, other):
        file.write_text("old")
    with device_drafts({mine: "new", other: "new"}) as drafts:
        mine.write_text("edited")
        with pytest.raises(InvalidDocument, match=r"mine.yaml: was changed meanwhile and is left"):
            drafts.settle()
        assert not drafts.is_settled
    assert (mine.read_text(), other.read_text()) == ("edited", "new")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_draft_is_for_no_more_eyes_than_its_file(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("psk")
    file.chmod(0o600)
    before = os.umask(0)
    try:
        with device_drafts({file: "psk2"}):
            (draft,) = tmp_path.glob(".*")
            assert draft.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_folder_that_takes_no_file_is_found_first(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("old")
    (tmp_path / ".one.yaml.draft").mkdir()
    with pytest.raises(InvalidDocument, match="cannot be written"), device_drafts({file: "new"}):
        pass
    assert file.read_text() == "old"
