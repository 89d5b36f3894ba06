"""Two who flash the same board, and connections that are cut: the board stays whole."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgechain.deploy.flash import Looked, Outcome, flash
from edgechain.deploy.orders import read_orders
from edgechain.deploy.targets.address import SshAddress, parse_target
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.ssh import ssh_session
from edgechain.deploy.wheelhouse import wheels_for
from edgechain.deploy.workshop import Workshop
from edgechain.deploy.zipped import agent
from edgechain.errors import CannotReach
from edgechain.security.fleet import FleetDirectory
from tests.deploy.board import DIGITS, ON_A_BOARD, Board

pytestmark = ON_A_BOARD


async def test_two_flash_at_once_and_the_second_is_told_who(
    flashed: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    flashed.write_config(slots=5)
    address = parse_target(flashed.target)
    assert isinstance(address, SshAddress)
    before = flashed.current
    monkeypatch.setenv("HOME", str(flashed.server.home))
    async with ssh_session(address, Agent(agent(), keep=True)) as session:
        await session.lock("ann@elsewhere")
        said = await asyncio.to_thread(flashed, "flash", flashed.config, "--yes", status=1)
    assert "being flashed by ann@elsewhere since" in said.err
    assert flashed.current == before
    assert (await asyncio.to_thread(flashed.flash))["outcome"] == "flashed"
    assert await flashed.answers()


PHASES = ("sending", "making the environment", "certificate", "installing", "starting")


@pytest.mark.parametrize("phase", PHASES)
async def test_a_cut_connection_leaves_a_device_that_is_whole(
    flashed: Board, cut_otherwise: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    shutil.rmtree(cut_otherwise)
    stages = str(2 + PHASES.index(phase) % 2)
    flashed("split", DIGITS, "-o", "digits", "--stages", stages)
    flashed.write_config(slots=10 + PHASES.index(phase))
    old = flashed.current
    outcome = await cut_at(phase, flashed, monkeypatch)
    assert isinstance(outcome.error, CannotReach)
    assert "the connection was lost while" in str(outcome.error)
    assert outcome.flashed is None
    await asyncio.to_thread(wait_until_free, flashed)
    now = flashed.current
    assert now == (flashed.root / "good").read_text().strip()
    if phase != "starting":
        assert now == old
    assert await flashed.answers()
    assert (await asyncio.to_thread(flashed.flash))["outcome"] in ("flashed", "unchanged")
    assert await flashed.answers()


async def cut_at(phase: str, running: Board, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Flash it, and end the connection when it comes to ``phase``."""
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)

    def report(device: str, what: str, done: int, total: int) -> None:
        if what.startswith(phase):
            running.server.cut()

    async def yes(prepared: Sequence[Looked]) -> bool:
        return True

    workshop = Workshop(FleetDirectory(running.project), wheels_for)
    orders = read_orders([running.config], None)
    (outcome,) = await flash(orders, workshop, Agent(agent(), keep=True), yes, report)
    return outcome


def wait_until_free(running: Board) -> None:
    """Until the agent that was cut off has decided, and let go of the lock."""
    with (running.root / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
