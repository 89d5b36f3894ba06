"""A connection follows its chain from generation to generation.

Requests that are under way end where they began; everything else moves as soon as every stage of
the new generation has a node that leases slots. Until then, and if that never comes, the old one
goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from edgechain.client.caller import Caller
from edgechain.client.find import Place, manifest_at
from edgechain.client.fleet import Fleet
from edgechain.client.submit import Submitter
from edgechain.discovery.peers import PeerHint
from edgechain.errors import Cancelled, ProtocolError, RequestError
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import Generation

_LOG = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often a chain that is not whole is looked for anew: its nodes may be elsewhere, or run
another generation and have nobody left who would say so."""

ASK_SECONDS = 0.2
ASK_ROUNDS = 25
"""A node that announced a generation is asked for its manifest so often, five seconds in all."""

Places = Callable[[], Awaitable[Iterable[Place]]]
"""Where the chain's nodes are said to be now."""


class Following:
    """The fleets of one connection: the one that serves, perhaps the next, and those being left.

    ``ready`` is set once a generation is whole. ``run`` is its life, ``close`` ends everything.
    """

    def __init__(self, caller: Caller, manifest: ChainManifest, places: Places):
        self._caller = caller
        self._places = places
        self.serving = caller.fleet(manifest)
        self.submitter = Submitter(
            self.serving.session, clock=caller.clock, timers=asyncio.get_running_loop()
        )
        self.serving.attach(self.submitter, self)
        self.ready = asyncio.Event()
        self._next: Fleet | None = None
        self._announced = False
        """Whether a node has said that the next generation is the chain's now."""
        self._asking: asyncio.Task[None] | None = None
        self._asked_for: Generation | None = None
        self._leaving: set[Fleet] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def reach(self) -> None:
        """Link to the nodes where they are said to be."""
        for place in await self._places():
            for fleet in self._fleets():
                fleet.add(place.address, place.name)

    # What is heard ---------------------------------------------------------------------------

    def seen(self, hint: PeerHint) -> None:
        """A node announced itself."""
        for fleet in self._fleets():
            fleet.seen(hint)

    def on_complete(self, fleet: Fleet) -> None:
        """A generation is whole."""
        if fleet is self._next:
            self._adopt(fleet)
        elif fleet is self.serving and not self._announced:
            self._drop_next()  # it was only looked at because this one was not whole
        self.ready.set()

    def on_superseded(self, fleet: Fleet, generation: Generation, address: str) -> None:
        """A node serves another generation now. What those say that are being left is old news."""
        if fleet not in self._fleets() or generation == self._asked_for:
            return
        if generation == self.serving.generation:
            self._drop_next()  # it was taken back before it was whole
        elif self._next is None or generation != self._next.generation:
            self._drop_next()
            self._announced = True
            self._asked_for = generation
            self._asking = self._start(self._ask(generation, address))

    def _fleets(self) -> Iterator[Fleet]:
        return iter([self.serving, *([self._next] if self._next is not None else [])])

    # The next generation ---------------------------------------------------------------------

    async def _ask(self, generation: Generation, address: str) -> None:
        """Get the manifest of an announced generation, wherever it is to be had."""
        for _ in range(ASK_ROUNDS):
            for place in dict.fromkeys((address, *self.serving.addresses())):
                manifest = await self._manifest(place)
                if manifest is not None and manifest.generation == generation:
                    await self._prepare(manifest)
                    self._asking = self._asked_for = None
                    return
            await asyncio.sleep(ASK_SECONDS)
        self._asking = self._asked_for = None
        self._announced = False

    async def _prepare(self, manifest: ChainManifest) -> None:
        """Link to the nodes of a generation; ``on_complete`` tells when it can be used."""
        _LOG.info("generation %s of chain %s", manifest.generation[:12], self._caller.chain)
        self._next = fleet = self._caller.fleet(manifest)
        fleet.attach(self.submitter, self)
        await self._reach_next(fleet)

    async def _reach_next(self, fleet: Fleet) -> None:
        """Its nodes need not be those of the one that serves: new ones are where they are said."""
        places = tuple(await self._places())
        told = {place.address for place in places}
        for address in self.serving.addresses():
            if address not in told:
                fleet.add(address)
        for place in places:
            fleet.add(place.address, place.name)

    def _adopt(self, fleet: Fleet) -> None:
        former, self.serving, self._next = self.serving, fleet, None
        self._announced = False
        self._leaving.add(former)
        self.submitter.adopt(fleet.session, partial(self._leave, former))

    def _leave(self, fleet: Fleet) -> None:
        self._leaving.discard(fleet)
        self._start(fleet.close())

    def _drop_next(self) -> None:
        fleet, self._next = self._next, None
        asking, self._asking = self._asking, None
        self._asked_for, self._announced = None, False
        if asking is not None:
            asking.cancel()
        if fleet is not None:
            self._start(fleet.close())

    # A chain that is not whole ---------------------------------------------------------------

    async def run(self) -> None:
        """Look for the chain anew while it, or what is next, is not whole; until cancelled."""
        while True:
            if not self.serving.complete.is_set() and self._asking is None:
                await self._look()
            elif self._next is not None:
                await self._reach_next(self._next)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        """Ask every node what it runs; another generation than ours is one to get ready for.

        One that was got ready for stays so while any node runs it.
        """
        await self.reach()
        asked = await asyncio.gather(*map(self._manifest, self.serving.addresses()))
        if self.serving.complete.is_set() or self._asking is not None:
            return
        ours = {fleet.generation for fleet in self._fleets()}
        found = {manifest.generation: manifest for manifest in asked if manifest is not None}
        strange = [found[generation] for generation in found if generation not in ours]
        if strange and (self._next is None or self._next.generation not in found):
            self._drop_next()
            await self._prepare(strange[0])

    async def _manifest(self, address: str) -> ChainManifest | None:
        """A node's manifest; ``None`` when it does not answer as a node of ours."""
        with suppress(RequestError, ProtocolError):
            return await manifest_at(address, self._caller.security)
        return None

    # Tasks -----------------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"following chain {self._caller.chain}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End what is open as ``Cancelled``, and say goodbye everywhere."""
        self.submitter.close(Cancelled("the connection to the chain was closed"))
        if self._asking is not None:
            self._asking.cancel()
        fleets = [*self._fleets(), *self._leaving]
        closing = [self._start(fleet.close()) for fleet in fleets]
        await asyncio.gather(*closing, *self._tasks, return_exceptions=True)
