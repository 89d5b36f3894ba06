"""Files that change all together, or not."""

from __future__ import annotations

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


def test_a_folder_that_takes_no_file_is_found_first(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("old")
    (tmp_path / ".one.yaml.draft").mkdir()
    with pytest.raises(InvalidDocument, match="cannot be written"), device_drafts({file: "new"}):
        pass
    assert file.read_text() == "old"
