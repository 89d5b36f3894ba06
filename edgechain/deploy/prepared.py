"""A device before it is flashed: what it has, what it is to have, and the steps between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain.deploy.bundle import Bundle
from edgechain.deploy.difference import parts_of
from edgechain.deploy.platform import Platform
from edgechain.deploy.steps import Present, Steps, steps_to
from edgechain.deploy.targets.address import Target
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.answers import DeviceState
from edgechain.deploy.workshop import Workshop
from edgechain.errors import FlashFailed
from edgechain.spec.config import NodeConfig
from edgechain.spec.progress import Say


@dataclass(frozen=True, slots=True)
class Order:
    """One device to be flashed: its configuration, the file that it is from, and where it is."""

    config: NodeConfig
    file: Path
    target: Target
    keys: tuple[str, ...] = ()
    """Public SSH keys that may log in; an SD card alone brings them."""

    @property
    def name(self) -> str:
        """The device's name, which is its node's."""
        return self.config.name


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order that the device was asked about; nothing has changed there yet."""

    order: Order
    state: DeviceState
    bundle: Bundle
    steps: Steps

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be done."""
        return not self.steps.steps

    @property
    def listing(self) -> str:
        """The signed listing."""
        return self.bundle.listing.decode()

    @property
    def wheels(self) -> Sequence[dict[str, Any]]:
        """The wheels, as the listing has them."""
        found: list[dict[str, Any]] = json.loads(self.bundle.listing)["wheels"]
        return found

    @property
    def names(self) -> dict[str, str]:
        """Every blob's SHA-256 and a name for it, wheels first: they are needed first."""
        found = json.loads(self.bundle.listing)
        named = [(one["sha256"], one["name"]) for one in found["wheels"]]
        named += [(one["sha256"], one["path"]) for one in found["files"]]
        return dict(named)


def require_meant(order: Order, state: DeviceState, where: str) -> None:
    """Raise ``FlashFailed`` where the device has the name of another one already."""
    if state.device not in ("", order.name):
        reason = f"this device is {state.device}, and {order.file} is for {order.name}"
        raise FlashFailed(f"{where}: {reason}")


async def prepare(order: Order, session: AgentSession, workshop: Workshop, say: Say) -> Prepared:
    """Look at a device and reckon what is to be done. Changes nothing there.

    ``say`` is told what takes long.

    Raises what the bundle's making raises, ``CannotReach``, and ``FlashFailed`` when there is no
    room for it.
    """
    state = await session.hello()
    require_meant(order, state, session.where)
    platform = Platform(state.python, state.machine)
    bundle = await workshop.bundle(order.config, order.file, platform, state.highest, say)
    look = await session.look(bundle.sizes)
    wanted = parts_of(bundle.listing.decode(), bundle.config)
    if wanted is None:
        raise FlashFailed(f"{session.where}: the bundle has no listing that can be read")
    present = Present(
        current=state.current,
        good=state.good,
        parts=parts_of(look.listing, look.config),
        certified=state.certified,
        informed=state.revoked == await workshop.revoked(),
    )
    steps = steps_to(present, wanted, frozenset(look.missing))
    if steps.bytes > state.free_bytes:
        reason = f"{steps.bytes:,} bytes are to be sent, and it has {state.free_bytes:,} free"
        raise FlashFailed(f"{session.where}: no space left: {reason}")
    return Prepared(order, state, bundle, steps)
