"""A node's log without a journal: its last lines, those to come, and how large it gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgechain.deploy.device import log_file
from edgechain.deploy.device.log_file import LogFile


def write(log: LogFile, *lines: str) -> None:
    fileno = log.open()
    os.write(fileno, "".join(f"{line}\n" for line in lines).encode())
    os.close(fileno)


def test_the_last_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    assert log.tail(3) == []
    write(log, "one", "two", "three")
    assert log.tail(2) == ["two", "three"]
    assert log.tail(9) == ["one", "two", "three"]
    assert log.tail(0) == []


def test_a_full_file_is_put_aside_and_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "MAX_BYTES", 10)
    log = LogFile(tmp_path / "log")
    for number in range(5):
        write(log, f"start {number}", "more")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1"]
    assert log.tail(3) == ["more", "start 4", "more"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 50


def test_what_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    (tmp_path / "log").write_bytes(b"\xff\xfe\n" + b"x" * (1 << 20) + b"\nlast\n")
    assert log.tail(1) == ["last"]
    assert len(log.tail(2)[0]) < 1 << 19


def test_following_goes_on_across_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_BYTES", 1)
    log = LogFile(tmp_path / "log")
    write(log, "zero", "one")
    following = log.follow(1)
    assert next(following) == "one"
    write(log, "two")
    assert next(line for line in following if line == "two")
    following.close()  # type: ignore[attr-defined]
