"""What is a Pi's boot partition, and what is refused before anything is written there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.deploy.platform import Platform
from edgechain.deploy.targets.boot_partition import look_at
from edgechain.errors import CannotReach
from tests.deploy.cards import CMDLINE, mounted_fat, tree, write_boot


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_boot(tmp_path / "bootfs")


def mounts(tmp_path: Path, place: Path, kind: str, options: str = "rw,relatime") -> Path:
    """What the kernel would say of a card that is mounted at ``place``."""
    where = str(place).replace(" ", r"\040")
    path = tmp_path / "mounts"
    path.write_text(f"/dev/vda / ext4 rw 0 0\n/dev/sdb1 {where} {kind} {options} 0 0\n")
    return path


def refusal(path: Path, **more: Path) -> str:
    with pytest.raises(CannotReach) as refused:
        look_at(path, **more)
    text = str(refused.value)
    assert "\n" not in text
    return text


def test_a_new_card_is_one_and_what_is_assumed_is_said(card: Path) -> None:
    before = tree(card)
    found = look_at(card)
    assert (found.path, found.pinned) == (card, False)
    assert found.platform == Platform("3.13", "aarch64")
    assert "2025-12-04" in found.because
    assert "Trixie" in found.because
    assert tree(card) == before


@pytest.mark.parametrize("name", ["config.txt", "cmdline.txt"])
def test_every_missing_file_is_named(card: Path, name: str) -> None:
    (card / name).unlink()
    assert f"{name} is missing" in refusal(card)


def test_all_that_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    said = refusal(tmp_path)
    for wanted in ("config.txt", "cmdline.txt", "kernel*.img", "bcm27*.dtb", "mount"):
        assert wanted in said


def test_a_system_without_cloud_init_is_refused(card: Path) -> None:
    (card / "meta-data").unlink()
    said = refusal(card)
    assert "meta-data is missing" in said
    assert "Trixie" in said


def test_a_32_bit_system_is_refused(card: Path) -> None:
    (card / "kernel7l.img").write_text("kernel")
    assert "64-bit" in refusal(card)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "not there" in refusal(tmp_path / "none")


def test_devices_and_images_are_never_opened(tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    image.write_bytes(bytes(512))
    for raw in (image, Path("/dev/null")):
        assert "raw devices" in refusal(raw)


@pytest.mark.parametrize("path", ["/", "/boot"])
def test_what_this_machine_starts_from_is_refused(path: str) -> None:
    assert "this machine" in refusal(Path(path))


def test_a_link_to_the_root_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "card").symlink_to("/")
    assert "this machine" in refusal(tmp_path / "card")


def test_what_is_mounted_must_be_fat(tmp_path: Path, card: Path) -> None:
    said = refusal(card, mounts=mounts(tmp_path, card, "ext4"))
    assert "ext4" in said
    assert look_at(card, mounts=mounts(tmp_path, card, "vfat")).path == card


def test_a_card_that_is_locked_is_refused(tmp_path: Path, card: Path) -> None:
    assert "read-only" in refusal(card, mounts=mounts(tmp_path, card, "vfat", "ro,relatime"))


def test_a_place_with_a_blank_is_found_among_the_mounts(tmp_path: Path) -> None:
    card = write_boot(tmp_path / "boot fs")
    assert "ext4" in refusal(card, mounts=mounts(tmp_path, card, "ext4"))


def test_our_folder_may_not_lead_elsewhere(tmp_path: Path, card: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (card / "edgechain").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refusal(card)


def test_a_command_line_that_pins_the_instance_is_seen(card: Path) -> None:
    (card / "cmdline.txt").write_text(f"{CMDLINE.strip()} ds=nocloud;i=rpi-imager-17875\n")
    assert look_at(card).pinned


@pytest.mark.fat
def test_a_mounted_fat_is_one(tmp_path: Path) -> None:
    with mounted_fat(tmp_path, 48) as card:
        write_boot(card)
        assert look_at(card).path == card
        (card / "config.txt").unlink()
        assert "config.txt" in refusal(card)
