"""An SD card before it is written, and written: what a board will start from, and what it lacks.

A card has no agent that could be asked, so what its system is follows from what lies on it, and
the board finds out at its first boot whether that is right.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgechain.deploy.cloud_init import ROOT, Board, board_of
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.address import CardAddress
from edgechain.deploy.targets.boot_partition import look_at
from edgechain.deploy.targets.card_files import write_files
from edgechain.deploy.targets.sd_card import CardSteps, number_on, steps_on
from edgechain.deploy.workshop import Workshop
from edgechain.errors import FlashFailed
from edgechain.spec.progress import Progress, Say

USER = "pi"
"""Who may log in when the device's file names nobody in `flash: {target: ssh://USER@HOST}`."""


@dataclass(frozen=True, slots=True)
class PreparedCard:
    """An order for a card that was looked at; nothing has changed there yet."""

    order: Order
    board: Board
    steps: CardSteps

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be written."""
        return not self.steps.files

    @property
    def then(self) -> str:
        """What is to be done after it, for people."""
        there = f"ssh://{self.board.user}@{self.board.host}.local{self.board.root}"
        command = f"edgechain flash {self.order.file} --to {there}"
        return f"unmount it, start the board from it, and give it its certificate: {command}"


@dataclass(frozen=True, slots=True)
class CardWritten:
    """A card that has all of it; ``bytes`` were written."""

    bytes: int


async def prepare_card(
    order: Order, target: CardAddress, workshop: Workshop, agent: bytes, say: Say
) -> PreparedCard:
    """Look at a card and reckon what is to be written. Changes nothing.

    Raises ``CannotReach`` for what is no card, ``FlashFailed``, and what a bundle's making raises.
    """
    partition = await asyncio.to_thread(look_at, target.path)
    board = _board(order)
    before = await asyncio.to_thread(number_on, partition.path)
    bundle = await workshop.bundle(order.config, order.file, partition.platform, before, say)
    steps = await asyncio.to_thread(steps_on, partition, board, bundle, agent, workshop.has_signed)
    return PreparedCard(order, board, steps)


async def write_card(prepared: PreparedCard, report: Progress) -> CardWritten:
    """Write what was shown. Raises ``FlashFailed``."""
    steps = prepared.steps
    await write_files(steps.partition.path, steps.files, steps.stale, report)
    return CardWritten(steps.bytes)


def _board(order: Order) -> Board:
    flash = order.config.flash
    address = urlsplit(flash.target) if flash is not None else None
    is_ssh = address is not None and address.scheme == "ssh"
    user = (address.username if address is not None and is_ssh else None) or USER
    named = address.path.rstrip("/") if address is not None and is_ssh else ""
    root = (flash.root if flash is not None else None) or named or ROOT
    home = "/root" if user == "root" else f"/home/{user}"
    try:
        return board_of(order.config, order.keys, user, root.replace("~", home, 1).rstrip("/"))
    except ValueError as error:
        raise FlashFailed(f"{order.file}: {error}") from None
