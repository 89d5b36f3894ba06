"""What flashing needs of this machine, for all devices that are flashed at the same time."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from edgechain.deploy.bundle import Bundle, Wheel, contents_of, number_after, seal
from edgechain.deploy.platform import Platform
from edgechain.security.authority import today
from edgechain.security.fleet import FleetDirectory, Membership
from edgechain.spec.config import NodeConfig
from edgechain.spec.message import Role
from edgechain.spec.progress import Say


class Wheels(Protocol):
    """Everything that a device installs for an interpreter and edgechain's ``extras``.

    Minutes the first time.
    """

    def __call__(
        self, platform: Platform, interpreter: str, *, extras: Sequence[str], say: Say
    ) -> Sequence[Wheel]:
        """The wheels. Raises ``InvalidBundle``."""


class Workshop:
    """The fleet's authority and the wheels; every method may be called for several devices.

    ``replace``: a device with another key than the one that its name was given a certificate for
    gets a new certificate, and the old one is revoked.
    """

    def __init__(self, fleet: FleetDirectory, wheels: Wheels, *, replace: bool = False):
        self._fleet = fleet
        self._wheels = wheels
        self._replace = replace
        self._shelf: dict[tuple[Platform, str, tuple[str, ...]], Sequence[Wheel]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def bundle(
        self, config: NodeConfig, file: Path, platform: Platform, highest: int, say: Say
    ) -> Bundle:
        """What this device is to have, signed, with a number above ``highest``."""
        wheels = await self._wheels_for(platform, config, say)

        def made() -> Bundle:
            contents = contents_of(config, file.parent, file=str(file))
            number = number_after(highest, today())
            return seal(contents, platform, wheels, number, self._fleet)

        return await asyncio.to_thread(made)

    def has_signed(self, listing: bytes, signature: bytes) -> bool:
        """Whether a bundle is this fleet's."""
        return self._fleet.has_signed(listing, signature)

    async def certify(self, request: str, name: str) -> Membership:
        """The certificate for a device's key, and whom it is to believe and not to."""
        asked = request.encode()
        async with self._one_at_a_time:
            return await asyncio.to_thread(
                self._fleet.certify, asked, Role.NODE, name, replace=self._replace
            )

    async def _wheels_for(
        self, platform: Platform, config: NodeConfig, say: Say
    ) -> Sequence[Wheel]:
        """The wheels for a kind of device, looked up once."""
        extras = ("dns",) if config.discovery == "dns" else ()
        kind = platform, config.interpreter, extras
        async with self._one_at_a_time:
            if kind not in self._shelf:
                self._shelf[kind] = await asyncio.to_thread(
                    self._wheels, platform, config.interpreter, extras=extras, say=say
                )
        return self._shelf[kind]

    async def revoked(self) -> str:
        """The SHA-256 of the fleet's list of who is out."""
        data = await asyncio.to_thread(lambda: self._fleet.revocations)
        return hashlib.sha256(data).hexdigest()

    async def retire(self, name: str) -> bool:
        """The device has a key of its own; whether one was made for it here, which is out now."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._fleet.retire, name)


def who() -> str:
    """Who flashes, for those who find the device locked."""
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"
