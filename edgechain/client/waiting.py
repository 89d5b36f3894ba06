"""Where requests wait to be admitted. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from edgechain.client.request import Request

Admit = Callable[[Request], bool]
"""Takes a request out and sends it, or says that this cannot be now."""


class WaitingRoom:
    """Requests by what they wait for.

    Those that are tried again go first, each as soon as it can: it may wait for one replica while
    others are free. Then come those that wait their turn, and the newest one of a live source, of
    which there is one at most, in the order in which they came.
    """

    def __init__(self) -> None:
        self._again: OrderedDict[int, Request] = OrderedDict()
        self._turns: OrderedDict[int, Request] = OrderedDict()
        self._newest: Request | None = None
        self._newest_under_way = 0

    def add(self, request: Request) -> Request | None:
        """Let a new request in; the one whose place it takes is out, and returned."""
        if not request.newest:
            self._turns[request.sequence] = request
            return None
        older, self._newest = self._newest, request
        return older

    def add_again(self, request: Request) -> None:
        """Let a request in that was sent before."""
        self._again[request.sequence] = request

    def ended(self, request: Request) -> bool:
        """A request has ended, wherever it was; whether it waited to be sent again."""
        if request is self._newest:
            self._newest = None
        elif request.newest and request.attempts:
            self._newest_under_way -= 1
        self._turns.pop(request.sequence, None)
        return self._again.pop(request.sequence, None) is not None

    def offer(self, admit: Admit) -> None:
        """Offer every request that may go now; ``admit`` takes those that it admits."""
        for request in tuple(self._again.values()):
            if request.sequence in self._again:
                admit(request)
        while (first := self._next()) is not None and admit(first):
            pass

    def take(self, request: Request) -> None:
        """A request is admitted, and waits no more."""
        if request is self._newest:
            self._newest = None
            self._newest_under_way += 1
        self._turns.pop(request.sequence, None)
        self._again.pop(request.sequence, None)

    def _next(self) -> Request | None:
        first = next(iter(self._turns.values()), None)
        newest = self._newest
        if newest is None or self._newest_under_way >= newest.newest:
            return first
        return newest if first is None or newest.sequence < first.sequence else first

    def __iter__(self) -> Iterator[Request]:
        newest = () if self._newest is None else (self._newest,)
        return iter((*self._again.values(), *self._turns.values(), *newest))

    def __len__(self) -> int:
        return len(self._again) + len(self._turns) + (self._newest is not None)
