"""Secrets are planted, devices are flashed in every way, and whatever was said is searched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.board import NAME, Board
from tests.deploy.breaking import replace_stage, truncated

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.processes,
    pytest.mark.once,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("sshd"),
]

PLANTED = {
    "wifi_name": "canary-network-5d1f",
    "wifi_password": "canary-password-8c07",
    "nobodys": "canary-unused-71ab",
}
IN_THE_TARGET = "canary-in-a-target-90ee"


@dataclass
class Heard:
    """Everything that was said or written, by where."""

    texts: dict[str, str] = field(default_factory=dict)

    def run(self, board: Board, *words: str | Path) -> str:
        """A command; what it said is kept."""
        said = board(*words, status=None)
        name = f"{len(self.texts)}: {said.command}"
        self.texts[name] = said.out + said.err
        assert "Traceback" not in self.texts[name], said
        return self.texts[name]

    def read(self, folder: Path, *without: Path) -> None:
        """Every file below ``folder``."""
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path not in without:
                self.texts[str(path)] = path.read_bytes().decode("latin-1")

    def found(self, secrets: dict[str, str]) -> list[str]:
        """Where a secret can be read."""
        return [
            f"{what} in {where}"
            for where, text in self.texts.items()
            for what, secret in secrets.items()
            if secret in text
        ]


@pytest.fixture
def planted(flashed: Board) -> Iterator[Board]:
    """The board, with secrets beside its file; at the end as it was."""
    file = flashed.project / "secrets.yaml"
    file.write_text("".join(f"{name}: {value}\n" for name, value in PLANTED.items()))
    chain, kept = flashed.project / "digits", flashed.project / "kept"
    shutil.copytree(chain, kept)
    yield flashed
    file.unlink()
    shutil.rmtree(chain)
    kept.rename(chain)
    flashed.write_config()


def with_wifi(board: Board, slots: int) -> None:
    board.write_config(slots=slots)
    wifi = "{ssid: !secret wifi_name, password: !secret wifi_password, country: DE}"
    board.config.write_text(f"{board.config.read_text()}wifi: {wifi}\n")


def keys_of(board: Board) -> dict[str, str]:
    """A line from the middle of every private key there is."""
    places = {
        "the fleet's key": board.project / "fleet" / "authority.key",
        "the laptop's key": board.project / "identities" / "laptop" / "identity.key",
        "the board's key": board.root / "identity" / "identity.key",
        "the user's SSH key": board.server.home / ".ssh" / "id_ed25519",
        "the host's SSH key": board.server.folder / "host_key",
    }
    return {what: path.read_text().splitlines()[2] for what, path in places.items()}


def test_no_secret_is_said_or_written_anywhere(planted: Board) -> None:
    heard, config = Heard(), planted.config
    with_wifi(planted, 9)
    heard.run(planted, "flash", config, "--dry-run")
    heard.run(planted, "flash", config, "--dry-run", "--json")
    assert "is well" in heard.run(planted, "flash", config, "--yes")
    with_wifi(planted, 11)
    assert '"flashed"' in heard.run(planted, "flash", config, "--yes", "--json")
    heard.run(planted, "rollback", config)
    heard.run(planted, "logs", config, "--lines", "1000")
    go_wrong(heard, planted)
    own_key = planted.root / "identity" / "identity.key"
    heard.read(planted.root, own_key)
    heard.texts["sshd"] = (planted.server.folder / "sshd.log").read_text()
    secrets = PLANTED | keys_of(planted) | {"a password in a target": IN_THE_TARGET}
    assert heard.found({"the board": NAME}), "the search finds what is there"
    assert heard.found(secrets) == []


def go_wrong(heard: Heard, planted: Board) -> None:
    """What fails says why, and what it says is kept."""
    config = planted.config
    stage = planted.project / "digits" / "stage1.tflite"
    replace_stage(stage.parent, 1, truncated(stage.read_bytes()))
    assert "not well" in heard.run(planted, "flash", config, "--yes")
    assert "password" in heard.run(
        planted, "flash", config, "--yes", "--to", f"ssh://pi:{IN_THE_TARGET}@127.0.0.1"
    )
    hosts = planted.server.known_hosts.read_text()
    planted.server.known_hosts.write_text("")
    assert "known hosts" in heard.run(planted, "flash", config, "--yes")
    planted.server.known_hosts.write_text(hosts)
    for wrong in (
        "wifi: {ssid: !secret wifi_name, password: !secret wifi_password, country: Germany}\n",
        "wifi: {ssid: home, password: !secret nobodys_else, country: DE}\n",
        "namespace: !secret nobodys\n",
        "wifi: !secret wifi_password\n",
    ):
        planted.write_config()
        config.write_text(config.read_text() + wrong)
        assert "edgechain: " in heard.run(planted, "flash", config, "--yes", "--json")
