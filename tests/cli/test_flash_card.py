"""`edgechain flash --to sd:PATH` as its users meet it; nothing of what is secret is ever said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from edgechain.deploy.wheelhouse import requirements_for
from tests.chain import chains
from tests.commands import Edgechain
from tests.deploy.cards import IMAGER, tree, untouched, write_boot
from tests.deploy.test_cloud_init import KEY

pytestmark = pytest.mark.once

SSID, PASSWORD = "canary-in-the-attic", "canary-battery-staple"
WPA_KEY = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), SSID.encode(), 4096, 32).hex()
CANARIES = (SSID, PASSWORD, WPA_KEY, "their own password")

DEVICE = """\
name: pi-a
chain: ../five
flash: {target: ssh://me@pi-a.local}
timezone: Europe/Berlin
wifi: {ssid: !secret ssid, password: !secret password, country: DE}
"""


NO_INDEX = {"UV_OFFLINE": "1", "UV_NO_INDEX": "1", "PIP_NO_INDEX": "1"}
"""Whoever does not find what is in the cache has nothing, instead of fetching it unseen."""


def fill_cache(folder: Path) -> None:
    """One wheel for what a card's board runs, as if it had been fetched."""
    content = b"a wheel" * 5_000
    name, sha256 = "pip-25.0-py3-none-any.whl", hashlib.sha256(content).hexdigest()
    place = folder / "edgechain" / "wheels" / sha256 / name
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    wanted = json.dumps([sorted(requirements_for("auto")), "3.13", "aarch64"])
    lock = folder / "edgechain" / "locks" / f"{hashlib.sha256(wanted.encode()).hexdigest()}.json"
    lock.parent.mkdir()
    lock.write_text(json.dumps([{"name": name, "sha256": sha256, "pin": "pip==25.0"}]))


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    fill_cache(tmp_path / "cache")
    keys = tmp_path / "home" / ".ssh"
    keys.mkdir(parents=True)
    (keys / "id_ed25519.pub").write_text(f"{KEY}\n")
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "home")}
    made = Edgechain(tmp_path, state_dir, environment | NO_INDEX)
    made("init", "project", "--client", "laptop")
    chains.write(tmp_path / "project" / "five", chains.five_stages())
    folder = tmp_path / "project" / "devices"
    folder.mkdir()
    (folder / "pi-a.yaml").write_text(DEVICE)
    (folder / "secrets.yaml").write_text(f"ssid: {SSID}\npassword: {PASSWORD}\n")
    return made


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_boot(tmp_path / "bootfs")


FLASH = ("flash", "project/devices/pi-a.yaml", "--to", "sd:bootfs")


def keeps_secrets(texts: Iterable[str]) -> bool:
    return not any(canary in text for canary in CANARIES for text in texts)


def test_a_dry_run_shows_it_and_writes_nothing(edgechain: Edgechain, card: Path) -> None:
    before = tree(card)
    said = edgechain(*FLASH, "--dry-run")
    for line in ("Python 3.13 on aarch64", "user-data", "timezone", "whoever holds the card"):
        assert line in said.out
    assert "a dry run: nothing was changed" in said.out
    assert keeps_secrets((said.out, said.err))
    assert tree(card) == before


def test_it_is_written_once_and_says_what_is_next(edgechain: Edgechain, card: Path) -> None:
    said = edgechain(*FLASH, "--yes")
    assert untouched(card)
    there = "--to ssh://me@pi-a.local/opt/edgechain"
    assert f"edgechain flash project/devices/pi-a.yaml {there}" in said.out.replace("\n", " ")
    assert WPA_KEY in (card / "network-config").read_text()
    assert KEY in (card / "user-data").read_text()
    assert '- name: "me"' in (card / "user-data").read_text()
    before = tree(card)
    again = edgechain(*FLASH, "--yes")
    assert "nothing to do" in again.out
    assert tree(card) == before
    assert keeps_secrets((said.out, said.err, again.out, again.err))


def test_programs_are_told_the_same(edgechain: Edgechain, card: Path) -> None:
    for name, text in IMAGER.items():
        (card / name).write_text(text)
    said = edgechain(*FLASH, "--yes", "--json")
    (told,) = said.json()["devices"]
    assert (told["outcome"], told["python"], told["machine"]) == ("flashed", "3.13", "aarch64")
    assert told["replaces"] == ["network-config", "user-data"]
    assert told["bytes_written"] == told["bytes"] > 35_000
    assert (card / "user-data.before").read_text() == IMAGER["user-data"]
    assert keeps_secrets((said.out, said.err))


def test_what_is_no_card_is_refused_in_one_line(edgechain: Edgechain, tmp_path: Path) -> None:
    (tmp_path / "bootfs").mkdir()
    said = edgechain(*FLASH, "--yes", status=1)
    assert "no boot partition of a Raspberry Pi" in said.refusal()
    assert list((tmp_path / "bootfs").iterdir()) == []


def test_without_a_public_key_nobody_could_log_in(
    edgechain: Edgechain, card: Path, tmp_path: Path
) -> None:
    (tmp_path / "home" / ".ssh" / "id_ed25519.pub").unlink()
    assert "ssh-keygen" in edgechain(*FLASH, "--yes", status=1).refusal()
    assert not (card / "edgechain").exists()
