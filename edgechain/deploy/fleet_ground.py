"""The nodes of a fleet that was flashed, while their chain moves: generations on devices, SIGHUP.

Every device is held by its lock from before the first step to after the last. Nothing is started,
and nothing ends: a device without a stage stands by. What is sent and installed changes nothing;
telling a device is one request, which switches its generation and lets the node read it. Where a
connection is lost in between, that device goes on with what it was told last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any

from edgechain.deploy.device_move import DeviceMove
from edgechain.deploy.fleet_member import node_status
from edgechain.deploy.together import to_its_end, together
from edgechain.errors import CannotReach, EdgechainError, NodeFailed
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import Generation, NodeName
from edgechain.spec.moving import Seen
from edgechain.spec.progress import Progress

SILENT_SECONDS = 20.0
"""A board that loads a large model, and swaps, may be busy for seconds."""

LOOK_EVERY_SECONDS = 0.2
"""Each look is a handshake, which takes a Pi Zero 2 W tens of milliseconds."""


class FleetGround:
    """The devices of one chain, and the generation that they are to move to.

    ``told`` is called when all of them were told to let it serve.
    """

    def __init__(
        self,
        devices: Sequence[DeviceMove],
        generation: Generation,
        security: LinkSecurity | None,
        progress: Progress,
        told: Callable[[], None],
    ):
        self._devices = devices
        self._generation = generation
        self._security = security
        self._progress = progress
        self._when_told = told
        self._sent: dict[NodeName, tuple[int, int]] = {}
        self._silent: dict[NodeName, float] = {}
        """Since when those say nothing that are asked in vain."""
        self._next_look = 0.0

    # Looking ---------------------------------------------------------------------------------

    def names(self) -> frozenset[NodeName]:
        """All of them: none may be left out."""
        return frozenset(device.name for device in self._devices)

    def missing(self) -> frozenset[NodeName]:
        """None; nodes are started by `edgechain flash`."""
        return frozenset()

    def leaving(self) -> frozenset[NodeName]:
        """None: who has no part in it stands by."""
        return frozenset()

    async def look(self) -> Sequence[Seen]:
        """What the nodes say. Raises ``NodeFailed`` for one that is silent for too long."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next_look - loop.time())
        self._next_look = loop.time() + LOOK_EVERY_SECONDS
        answers = await asyncio.gather(*map(self._ask, self._devices))
        return [seen for seen in answers if seen is not None]

    async def _ask(self, device: DeviceMove) -> Seen | None:
        now = asyncio.get_running_loop().time()
        try:
            status = await node_status(device.member.order, self._security)
        except NodeFailed as error:
            if now - self._silent.setdefault(device.name, now) > SILENT_SECONDS:
                raise NodeFailed(f"{error} (for {SILENT_SECONDS:.0f} s)") from error
            return None
        self._silent.pop(device.name, None)
        return Seen.of(status, device.name, self._generation)

    # Steps -----------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Send and install what every device needs, then let them have it ready beside."""
        try:
            await self._stock()
            await to_its_end(_all(device.prepare() for device in self._devices))
        except EdgechainError as error:
            raise NodeFailed(f"{error}; the chain runs as before") from error
        self._silent.clear()  # nobody was asked meanwhile, which may have been minutes

    async def withdraw(self) -> None:
        """Every device that was told anything goes back, as far as it can be reached.

        One that cannot be goes on with what serves, and has the next generation beside.
        """
        await to_its_end(_all(map(_withdrawn, self._devices)))

    async def commit(self) -> None:
        """Tell every device, when all of them can be told."""
        await self._stock()
        await to_its_end(self._commit())
        self._silent.clear()

    async def _commit(self) -> None:
        try:
            await together(device.is_there() for device in self._devices)
        except EdgechainError as error:
            await _all(map(_withdrawn, self._devices))
            raise NodeFailed(f"{error}; the chain runs as before") from error
        try:
            await together(device.commit() for device in self._devices)
        except EdgechainError as error:
            reason = "the others were told; the chain works, and `edgechain apply` again goes on"
            raise NodeFailed(f"{error}; {reason}") from error
        try:
            self._when_told()
        except EdgechainError as error:
            raise NodeFailed(f"all devices were told, and the chain moves, but {error}") from error

    async def dismiss(self) -> None:
        """It serves: what the devices run now is what they go back to."""
        await _all(map(_kept, self._devices))

    async def _stock(self) -> None:
        await together(device.stock(self._report) for device in self._devices)

    def _report(self, device: str, done: int, size: int) -> None:
        self._sent[device] = done, size
        whole = [sum(numbers) for numbers in zip(*self._sent.values(), strict=True)]
        self._progress("sending the next generation", *whole)


async def _all(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    await together(steps)


async def _withdrawn(device: DeviceMove) -> None:
    with suppress(CannotReach):
        await device.withdraw()


async def _kept(device: DeviceMove) -> None:
    """Where it cannot be said, the agent there says it when the connection ends."""
    with suppress(EdgechainError):
        await device.keep()
