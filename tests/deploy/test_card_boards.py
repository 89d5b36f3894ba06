"""Two boards that start from the same card, really: systemd, cloud-init and Python of Trixie.

Only the processor is this machine's, so the bundle is made for it; and wheels that a board does not
need to make its key are left out, because installing them takes a minute.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgechain.deploy.bundle import Bundle, Wheel
from edgechain.deploy.cloud_init import Board
from edgechain.deploy.configs import read_device
from edgechain.deploy.platform import Platform
from edgechain.deploy.targets.boot_partition import look_at
from edgechain.deploy.targets.card_files import write_files
from edgechain.deploy.targets.sd_card import steps_on
from edgechain.deploy.wheelhouse import wheels_for
from edgechain.deploy.workshop import Workshop
from edgechain.deploy.zipped import agent
from edgechain.security.fleet import FleetDirectory
from edgechain.security.request import read_request
from edgechain.spec.message import Role
from tests.deploy.board import DIGITS
from tests.deploy.cards import tree, write_boot
from tests.deploy.test_cloud_init import KEY
from tests.deploy.trixie_board import TrixieBoard, board

FOR_A_KEY = (
    *("annotated_types", "cffi", "cryptography", "edgechain", "pip", "pycparser", "pydantic"),
    *("ruamel", "typing"),
)
BOOT_SECONDS = 240.0
"""On a busy machine; 20 on a quiet one."""

WAITS = "waits for its certificate"

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.cloudinit,
    pytest.mark.xdist_group("trixie"),
    pytest.mark.timeout(900),
]


def few_wheels(platform: Platform, interpreter: str, **more: object) -> tuple[Wheel, ...]:
    del more
    return tuple(
        wheel for wheel in wheels_for(platform, interpreter) if wheel.name.startswith(FOR_A_KEY)
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laptop's: a fleet, a chain, a device's file."""
    folder = tmp_path_factory.mktemp("project")
    command = [sys.executable, "-m", "edgechain", "split", str(DIGITS), "-o", "digits"]
    subprocess.run([*command, "--stages", "2"], cwd=folder, check=True, capture_output=True)
    (folder / "pi-a.yaml").write_text("name: pi-a\nchain: digits\n")
    FleetDirectory.make(folder)
    return folder


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """A card, written."""
    config = project / "pi-a.yaml"
    workshop = Workshop(FleetDirectory(project), few_wheels)
    here = Platform("3.13", os.uname().machine)

    async def made() -> Bundle:
        return await workshop.bundle(read_device(config).config, config, here, 0, lambda _: None)

    place = write_boot(tmp_path_factory.mktemp("card") / "bootfs")
    pi = Board("pi-a", "pi-a", "pi", (KEY,), timezone="Europe/Berlin")
    steps = steps_on(look_at(place), pi, asyncio.run(made()), agent(), workshop.has_signed)
    asyncio.run(write_files(place, steps.files, steps.stale, lambda *_: None))
    return place


@pytest.fixture(scope="module")
def boards(
    tmp_path_factory: pytest.TempPathFactory, trixie: Path, card: Path
) -> Iterator[tuple[TrixieBoard, TrixieBoard]]:
    """Two, with the same in their card slots."""
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("there is no systemd-nspawn (systemd-container)")
    folder = tmp_path_factory.mktemp("boards")
    with board(folder / "a", trixie, card) as first, board(folder / "b", trixie, card) as second:
        yield first, second


def told(which: TrixieBoard, times: int = 1) -> bool:
    return which.console().count(WAITS) >= times


def identity(which: TrixieBoard) -> tuple[bytes, bytes, str]:
    """Its key, its request, and the system's own id."""
    ours = which.root / "identity"
    machine = (which.disk / "etc" / "machine-id").read_text().strip()
    return (ours / "identity.key").read_bytes(), (ours / "request.pem").read_bytes(), machine


def test_two_boards_from_one_card_are_two_members_and_stay_what_they_are(
    boards: tuple[TrixieBoard, TrixieBoard], card: Path, project: Path
) -> None:
    first, _ = boards
    before = tree(card)
    first.boot(lambda: any((first.root / "environments").glob("*/bin")), BOOT_SECONDS)
    assert not told(first), "the power was cut before it had done all of it"
    for one in boards:
        one.boot(lambda one=one: told(one), BOOT_SECONDS)  # type: ignore[misc]
    identities = [identity(one) for one in boards]
    assert all(a != b for a, b in zip(*identities, strict=True))
    keys = [read_request(request) for _, request, _ in identities]
    assert [name for name, _ in keys] == ["pi-a", "pi-a"]
    assert keys[0][1] != keys[1][1]
    assert (first.root / "identity" / "identity.key").stat().st_mode & 0o777 == 0o600

    first.boot(lambda: told(first, 2), BOOT_SECONDS)
    assert identity(first) == identities[0]
    assert tree(card) == before
    assert FleetDirectory(project).certify(identities[0][1], Role.NODE, "pi-a").certificate

    # what cloud-init did
    assert (first.disk / "etc" / "hostname").read_text() == "pi-a\n"
    assert (first.disk / "etc" / "timezone").read_text() == "Europe/Berlin\n"
    assert KEY in (first.disk / "home/pi/.ssh/authorized_keys").read_text()
    assert "pi:!" in (first.disk / "etc" / "shadow").read_text()
    assert not (first.root / "current").exists(), "no node before the certificate"
