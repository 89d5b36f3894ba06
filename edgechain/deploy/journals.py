"""What the nodes of a fleet have written, and going back to what ran before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from edgechain.deploy.carry_out import HEALTH_SECONDS
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.answers import Back
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.connect import connect
from edgechain.deploy.workshop import who
from edgechain.errors import EdgechainError

Hear = Callable[[str, str], None]
"""Called with a device's name and a line of its node's."""


async def read_journals(
    orders: Sequence[Order], agent: Agent, lines: int, hear: Hear, *, follow: bool
) -> list[EdgechainError | None]:
    """The last lines of each device's node, and with ``follow`` those that come.

    For each order why it ended, when it did too early.
    """

    async def one(order: Order) -> EdgechainError | None:
        try:
            async with connect(order.target, agent) as session:
                async for line in session.logs(lines, follow=follow):
                    hear(order.name, line)
        except EdgechainError as error:
            return error
        return None

    return await asyncio.gather(*map(one, orders))


async def roll_back(orders: Sequence[Order], agent: Agent) -> list[Back | EdgechainError]:
    """Let every device run the generation before; what runs there now, or why it does not."""

    async def one(order: Order) -> Back | EdgechainError:
        try:
            async with connect(order.target, agent) as session:
                await session.lock(who())
                return await session.rollback(None, HEALTH_SECONDS)
        except EdgechainError as error:
            return error

    return await asyncio.gather(*map(one, orders))
