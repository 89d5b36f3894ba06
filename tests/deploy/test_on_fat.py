"""What is tested on FAT is tested on FAT, also where this machine's kernel knows none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.deploy.other_kernel import no_other_kernel, run_there
from tests.watch.needs import no_fat

FILES = ("tests/deploy/test_sd_card.py", "tests/deploy/test_boot_partition.py")

WHAT_DIFFERS = (
    *("needs_is_there", "the_same_again", "only_what_changed", "somebody_wrote", "pulled_out"),
    *("is_full", "mounted_fat"),
)
"""Tests of writing, renaming, removing and a full disk; what is left is reckoned, not written."""


@pytest.mark.fleet
@pytest.mark.timeout(400)
def test_cards_are_written_on_a_real_fat(tmp_path: Path) -> None:
    if not no_fat():
        pytest.skip("they run on this kernel's own FAT")
    if reason := no_other_kernel():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = [
        "-m",
        "fat",
        "-k",
        " or ".join(WHAT_DIFFERS),
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "in"),
    ]
    status, said = run_there([*FILES, *options], tmp_path, 300)
    assert status == 0, said[-3000:]
    assert f"{len(WHAT_DIFFERS)} passed" in said
    assert "skipped" not in said
