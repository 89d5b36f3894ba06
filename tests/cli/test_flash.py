"""`edgechain flash` and its like as typed: usage, and what is refused before anything happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Edgechain

CONFIG = "name: {name}\nchain: digits\n{more}"


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    """The command line in a folder of this test's own, with two devices' files."""
    for name in ("pi-a", "pi-b"):
        write(tmp_path, name, f"flash: {{target: 'dir:{tmp_path}/{name}'}}\n")
    return Edgechain(tmp_path, state_dir)


def write(folder: Path, name: str, more: str = "") -> None:
    (folder / f"{name}.yaml").write_text(CONFIG.format(name=name, more=more))


def test_without_a_terminal_nobody_is_asked(edgechain: Edgechain) -> None:
    refusal = edgechain("flash", "pi-a.yaml", status=2).refusal()
    assert "--yes" in refusal
    assert "--dry-run" in refusal
    assert not (edgechain.folder / "pi-a").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("flash", "pi-a.yaml", "pi-b.yaml", "--to", "dir:x", "--yes"), "one device"),
        (("flash", "pi-a.yaml", "--to", "pi-a.local", "--yes"), "should be ssh://"),
        (("flash", "pi-a.yaml", "--to", "ssh://pi:hidden@host", "--yes"), "password"),
        (("flash", "pi-a.yaml", "--json"), "--yes or --dry-run"),
        (("run", "pi-a.yaml"), "--yes"),
        (("logs", "pi-a.yaml", "--lines", "-1"), "--lines"),
    ],
)
def test_wrong_usage(edgechain: Edgechain, words: tuple[str, ...], reason: str) -> None:
    refusal = edgechain(*words, status=2).refusal()
    assert reason in refusal
    assert "hidden" not in refusal


def test_a_device_without_a_target(edgechain: Edgechain) -> None:
    write(edgechain.folder, "pi-c")
    refusal = edgechain("flash", "pi-c.yaml", "--yes", status=1).refusal()
    assert refusal.startswith("edgechain: pi-c.yaml:")
    assert "flash: is missing" in refusal


def test_two_files_for_one_device(edgechain: Edgechain) -> None:
    write(edgechain.folder, "again", f"flash: {{target: 'dir:{edgechain.folder}/pi-a'}}\n")
    refusal = edgechain("flash", "pi-a.yaml", "again.yaml", "--yes", status=1).refusal()
    assert "the same device" in refusal


def test_without_a_fleet(edgechain: Edgechain) -> None:
    assert "init" in edgechain("flash", "pi-a.yaml", "--yes", status=1).refusal()


def test_a_chain_that_is_not_there_names_the_device(edgechain: Edgechain) -> None:
    edgechain("init", ".", "--client", "laptop")
    said = edgechain("flash", "pi-a.yaml", "pi-b.yaml", "--dry-run", status=1)
    assert said.err.count("there is no such directory") == 2
    assert not (edgechain.folder / "pi-a").exists()


@pytest.mark.parametrize("command", ["logs", "rollback"])
def test_an_sd_card_runs_nothing(edgechain: Edgechain, command: str) -> None:
    (edgechain.folder / "me.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me\n")
    write(edgechain.folder, "pi-a", "ssh_keys: [me.pub]\n")
    refusal = edgechain(command, "pi-a.yaml", "--to", "sd:/media/bootfs", status=1).refusal()
    assert "SD card" in refusal


def test_a_device_that_was_never_flashed_has_nothing_to_go_back_to(edgechain: Edgechain) -> None:
    refusal = edgechain("rollback", "pi-a.yaml", status=1).refusal()
    assert "no older generation" in refusal
