"""A board that started from its card, and is then flashed over a real sshd: it lacks little."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgechain.deploy.bundle import Bundle
from edgechain.deploy.cloud_init import Board as Wanted
from edgechain.deploy.configs import read_device
from edgechain.deploy.device.store import python_version
from edgechain.deploy.platform import Platform
from edgechain.deploy.targets.boot_partition import look_at
from edgechain.deploy.targets.card_files import write_files
from edgechain.deploy.targets.sd_card import steps_on
from edgechain.deploy.wheelhouse import wheels_for
from edgechain.deploy.workshop import Workshop
from edgechain.deploy.zipped import agent
from edgechain.security.fleet import FleetDirectory
from tests.deploy.board import NAME, ON_A_BOARD, Board, board, make_wheels
from tests.deploy.cards import write_boot
from tests.deploy.test_cloud_init import KEY

pytestmark = ON_A_BOARD

LITTLE = 30_000
"""Bytes of all frames: the certificate, the listing, its wheels twice more; no file of the bundle.
Measured: 19,813."""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Board]:
    with board(tmp_path, make_wheels(tmp_path / "packages")) as made:
        yield made


def write_card(made: Board, card: Path) -> None:
    """As ``flash --to sd:`` does, for this machine's Python and processor."""
    workshop = Workshop(FleetDirectory(made.project), wheels_for)
    here = Platform(python_version(), platform.machine())

    async def sealed() -> Bundle:
        device = read_device(made.config)
        return await workshop.bundle(device.config, made.config, here, 0, lambda _: None)

    wanted = Wanted(NAME, NAME, "pi", (KEY,))
    bundle = asyncio.run(sealed())
    steps = steps_on(look_at(write_boot(card)), wanted, bundle, agent(), workshop.has_signed)
    asyncio.run(write_files(card, steps.files, steps.stale, lambda *_: None))


def boot(made: Board, card: Path) -> str:
    """What ``bootcmd`` starts, with this machine's Python; what it says."""
    ours = card / "edgechain"
    command = [sys.executable, "-I", str(ours / "agent.pyz"), "--root", str(made.root)]
    command += ["--service", "process", "first-boot", "--bundle", str(ours)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_only_the_certificate_is_sent_and_the_chain_answers(
    fresh: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)
    card = tmp_path / "bootfs"
    write_card(fresh, card)
    assert "waits for its certificate" in boot(fresh, card)
    key = (fresh.root / "identity" / "identity.key").read_bytes()

    told = fresh.flash()
    assert told["outcome"] == "flashed"
    assert (told["bytes"], told["kept"] > 20) == (0, True)
    assert told["bytes_sent"] < LITTLE
    assert (fresh.root / "identity" / "identity.key").read_bytes() == key
    assert asyncio.run(fresh.answers())

    assert "nothing new on the card" in boot(fresh, card)
    fresh.write_config(slots=3)
    write_card(fresh, card)
    said = boot(fresh, card)
    assert f"runs {fresh.current}, and is well" in said
    assert "slots: 3" in (fresh.root / "current" / "node.yaml").read_text()
    assert asyncio.run(fresh.answers())
