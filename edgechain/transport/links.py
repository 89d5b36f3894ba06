"""The links of one owner: each lives in a task of its own until all are closed."""

from __future__ import annotations

import asyncio

from edgechain.spec.identity import LinkSecurity
from edgechain.spec.message import Hello
from edgechain.spec.status import LinkStatus
from edgechain.transport.link import Link, LinkHandler, LinkState
from edgechain.transport.stream import Monotonic

GOODBYE_SECONDS = 0.3
"""How long links have to say goodbye and hear the answer; a LAN needs a few milliseconds."""


class Links:
    """Opens a link the first time a label is reached for, and tries it again every other time.

    ``close`` ends every link and its task, and may be called twice.
    """

    def __init__(
        self,
        hello: Hello,
        handler: LinkHandler,
        now: Monotonic,
        security: LinkSecurity | None,
    ):
        self._hello = hello
        self._security = security
        self._handler = handler
        self._now = now
        self._links: dict[str, Link] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def reach(self, label: str, addresses: tuple[str, ...], *, name: str = "") -> None:
        """Link to a peer that was heard of; ``name`` is who must answer there, anyone if empty."""
        link = self._links.get(label)
        if link is not None:
            link.retry(addresses)
            return
        link = Link(
            addresses, self._hello, self._handler, self._now, name=name, security=self._security
        )
        self._links[label] = link
        self._tasks[label] = asyncio.create_task(link.run(), name=f"link to {label}")

    def rest(self, label: str) -> None:
        """Who this leads to said goodbye: after the stream's end it is asked seldom."""
        if label in self._links:
            self._links[label].rest()

    def leave(self, label: str) -> bool:
        """End a link that is not up, for nobody says any more that somebody is there.

        Whether it is gone: one that is up goes on, because what carries is no suggestion.
        """
        link = self._links.get(label)
        if link is not None and link.state is LinkState.UP:
            return False
        if link is not None:
            del self._links[label]
            task = self._tasks.pop(label)
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
            task.cancel()
        return True

    def complaints(self) -> tuple[str, ...]:
        """What went wrong last on each link where something did."""
        return tuple(link.last_error for link in self._links.values() if link.last_error)

    def strangers(self) -> tuple[str, ...]:
        """What went wrong on links where one side could not prove who it is."""
        return tuple(link.last_error for link in self._links.values() if link.is_strange)

    def statistics(self) -> tuple[LinkStatus, ...]:
        """Every link."""
        return tuple(link.statistics() for link in self._links.values())

    async def close(self, reason: str) -> None:
        """Say goodbye on every link and end them."""
        tasks = [*self._tasks.values(), *self._leaving]
        self._tasks.clear()
        for link in self._links.values():
            link.close(reason)
        if tasks:
            await asyncio.wait(tasks, timeout=GOODBYE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
