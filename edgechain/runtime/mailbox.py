"""An actor's bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """How full a mailbox is and was."""

    waiting: int
    capacity: int
    most: int


class Mailbox(Generic[Item]):
    """Items for one reader, in order; the sender never waits.

    What it may send is bounded by the slots it holds, so an overflow is a mistake of ours and
    raises ``OverflowError``.
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._most = 0

    def put(self, item: Item) -> None:
        """Leave an item."""
        if len(self._items) >= self._capacity:
            raise OverflowError(f"a mailbox of {self._capacity} is full")
        self._items.append(item)
        self._most = max(self._most, len(self._items))
        self._arrived.set()

    async def get(self) -> Item:
        """Wait for the next item."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()

    def remove(self, matches: Callable[[Item], bool]) -> None:
        """Throw away the waiting items that match."""
        self._items = deque(item for item in self._items if not matches(item))

    def statistics(self) -> MailboxStatistics:
        """How full it is."""
        return MailboxStatistics(len(self._items), self._capacity, self._most)
