"""Several devices at once: all are looked at, somebody says yes, and each goes its own way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from edgechain.deploy.card import CardWritten, PreparedCard, prepare_card, write_card
from edgechain.deploy.carry_out import Flashed, carry_out
from edgechain.deploy.prepared import Order, Prepared, prepare
from edgechain.deploy.targets.address import CardAddress
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.connect import connect
from edgechain.deploy.workshop import Workshop
from edgechain.errors import EdgechainError

Report = Callable[[str, str, int, int], None]
"""Called with a device's name, what is being done there, how much of it is done, and how much
there is."""

Looked = Prepared | PreparedCard
"""A device, or the card that one will start from, with the steps to what it is to be."""

Confirm = Callable[[Sequence[Looked]], Awaitable[bool]]
"""Whether the devices that are not yet what they should be are to be flashed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended for one device.

    ``prepared`` is None when it could not be looked at, ``flashed`` when nothing was done there:
    because of the ``error``, because nothing was to be done, or because nobody wanted it.
    """

    order: Order
    prepared: Looked | None = None
    flashed: Flashed | CardWritten | None = None
    error: EdgechainError | None = None


async def flash(
    orders: Sequence[Order], workshop: Workshop, agent: Agent, confirm: Confirm, report: Report
) -> list[Outcome]:
    """Flash devices in parallel; how each ended, in their order. Does not raise for a device.

    ``confirm`` is asked once, when all that can be reached have been, and only when there is
    something to do. Sessions stay open meanwhile, without a lock.
    """
    runs = [_Run(order, workshop, agent, report) for order in orders]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run.whole(), name=f"flash {run.order.name}") for run in runs]
        looked = [await run.looked for run in runs]
        changes = [one for one in looked if one is not None and not one.is_done]
        wanted = bool(changes) and await confirm(changes)
        for run in runs:
            run.wanted.set_result(wanted)
    return [task.result() for task in tasks]


class _Run:
    """One device's way."""

    def __init__(self, order: Order, workshop: Workshop, agent: Agent, report: Report):
        loop = asyncio.get_running_loop()
        self.order = order
        self.looked: asyncio.Future[Looked | None] = loop.create_future()
        """The steps; None when they cannot be said."""
        self.wanted: asyncio.Future[bool] = loop.create_future()
        self._workshop, self._agent, self._report = workshop, agent, report

    async def whole(self) -> Outcome:
        """Look, wait for a word, do."""
        try:
            if isinstance(self.order.target, CardAddress):
                return await self._card(self.order.target)
            return await self._device()
        except EdgechainError as error:
            prepared = self.looked.result() if self.looked.done() else None
            return Outcome(self.order, prepared, error=error)
        finally:
            if not self.looked.done():
                self.looked.set_result(None)

    async def _device(self) -> Outcome:
        async with AsyncExitStack() as stack:
            self._doing("connecting")
            session = await stack.enter_async_context(connect(self.order.target, self._agent))
            self._doing("looking")
            prepared = await prepare(self.order, session, self._workshop, self._doing)
            if not await self._is_wanted(prepared):
                return Outcome(self.order, prepared)
            done = await carry_out(prepared, session, self._workshop, self._say)
            return Outcome(self.order, prepared, done)

    async def _card(self, target: CardAddress) -> Outcome:
        self._doing("looking")
        agent = self._agent.content
        prepared = await prepare_card(self.order, target, self._workshop, agent, self._doing)
        if not await self._is_wanted(prepared):
            return Outcome(self.order, prepared)
        return Outcome(self.order, prepared, await write_card(prepared, self._say))

    async def _is_wanted(self, prepared: Looked) -> bool:
        self.looked.set_result(prepared)
        return await self.wanted and not prepared.is_done

    def _doing(self, what: str) -> None:
        self._say(what, 0, 0)

    def _say(self, what: str, done: int, total: int) -> None:
        self._report(self.order.name, what, done, total)
